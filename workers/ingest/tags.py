"""Reads the title and the date of a recording from its tags.

FFmpeg gives the tags of most formats the same names: `creation_time` in MP4, MOV and Matroska, `date` in ID3, Vorbis
comments and RIFF. A WAV file's `bext` chunk becomes a `date` with a `creation_time` that is only a time of day.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from schema.core.lines import cleaned_line
from schema.meetings.recording_date import is_plausible, parse_time

TITLE_CHARACTERS = 300
DATE_TAGS = ("com.apple.quicktime.creationdate", "date_recorded", "creation_time", "date")
"""The first one that states a plausible day counts. Apple's states the zone too."""
_TIME_OF_DAY = re.compile(r"(\d{2})[:.-](\d{2})[:.-](\d{2})")


def recording_tags(*tags: Mapping[str, str]) -> dict[str, str]:
    """The `title`, and the time `recorded_at` in ISO 8601, as far as *tags* have them. The first ones count."""
    merged = {name.lower(): value for each in reversed(tags) for name, value in each.items()}
    found = {}
    if title := cleaned_line(merged.get("title", ""))[:TITLE_CHARACTERS]:
        found["title"] = title
    if recorded_at := _recorded_at(merged):
        found["recorded_at"] = recorded_at
    return found


def _recorded_at(tags: Mapping[str, str]) -> str | None:
    stated = [tags[name] for name in DATE_TAGS if name in tags]
    if clock := _TIME_OF_DAY.fullmatch(tags.get("creation_time", "").strip()):
        stated.insert(0, f"{tags.get('date', '')}T{clock[1]}:{clock[2]}:{clock[3]}")
    times = [time for text in stated if (time := parse_time(text)) is not None and is_plausible(time)]
    return times[0].isoformat() if times else None
