"""Meetings with their audio and what people wrote about them.

    FOLDER/data/meetings/SPLIT.jsonl.gz      the meetings, as `training/data/meetings.py` reads them
    FOLDER/audio/meeting_ID/segments.json    {"segments": [{"start_s", "end_s", "text", "turn"}]}: the turns as spoken
    FOLDER/audio/meeting_ID/audio.ogg        or .flac, .wav

An example is a window that a note is written of, if some sentence rests on it, with its stretch of the audio.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from schema.core.errors import InvalidData
from training.data.checks import Fault
from training.data.dataset import Example
from training.data.manifests import AUDIO_ENDINGS
from training.data.meetings import NoteWindow, note_windows, read_meetings

AUDIO, PREFIX = "audio", "meeting_"


def spoken(folder: Path, split: str, language: str) -> Iterator[Example | Fault]:
    """Windows of the meetings in *split* that there is audio of. Raises InvalidData where there is none at all."""
    found = False
    for meeting in read_meetings(folder / "data" / "meetings" / f"{split}.jsonl.gz"):
        place = folder / AUDIO / f"{PREFIX}{meeting.id}"
        if not place.is_dir():
            continue
        found = True
        audio, turns = _audio(place), _turns(place / "segments.json")
        for window in note_windows(meeting):
            said = [turns[segment.id] for segment in window.segments if segment.id in turns]
            if window.sentences and said:
                yield _example(window, audio, said, language)
    if not found:
        raise InvalidData(f"{folder / AUDIO} has no {PREFIX}ID of a meeting in the split {split!r}. Correct the path.")


def _example(window: NoteWindow, audio: Path, said: Sequence[Mapping[str, Any]], language: str) -> Example:
    return Example(
        f"{window.meeting}/{window.number}",
        f"{window.where}/{window.number}",
        audio=audio,
        start_s=float(said[0]["start_s"]),
        end_s=float(said[-1]["end_s"]),
        text="\n".join(str(turn["text"]) for turn in said),
        summary=" ".join(sentence.text for sentence in window.sentences),
        language=language,
        group=window.meeting,
    )


def _audio(place: Path) -> Path:
    paths = [path for ending in AUDIO_ENDINGS if (path := place / f"audio{ending}").is_file()]
    if not paths:
        raise InvalidData(f"{place} has no audio file; put audio{AUDIO_ENDINGS[0]} there.")
    return paths[0]


def _turns(path: Path) -> dict[int, Mapping[str, Any]]:
    try:
        return {int(turn["turn"]): turn for turn in json.loads(path.read_text(encoding="utf-8"))["segments"]}
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise InvalidData(f"{path} does not list turns with their times: {error!r}.") from error
