"""The title of a recording's meeting: from the caller, else from its tags, its file name or its minutes."""

from __future__ import annotations

import re

from schema.core.lines import without_ending
from schema.core.states import TitleSource
from schema.meetings.tables import Meeting
from schema.minutes.minutes import Minutes

TITLE_CHARACTERS = 300
# fmt: off
_SAYS_NOTHING = frozenset({
    "audio", "sound", "voice", "video", "recording", "recordings", "record", "rec", "recorded", "blob", "file",
    "untitled", "unnamed", "unknown", "output", "out", "temp", "tmp", "track", "memo", "memos", "note", "clip",
    "movie", "media", "download", "upload", "stream", "new", "aufnahme", "neue", "aufzeichnung", "sprachmemo",
    "enregistrement", "grabacion", "grabación", "mov", "img", "vid", "wav", "mp", "mp3", "m", "a", "webm",
    "ogg", "zoom", "dji", "gopro", "dsc", "dscn", "gmt", "whatsapp", "ptt", "at", "am", "pm", "t", "z",
})
# fmt: on
"""Words that recorders, browsers and messengers name files with."""


def is_generic(title: str) -> bool:
    """Whether *title* says nothing about the content, such as `audio`, `New Recording 5` and `REC_20260305`."""
    return all(word in _SAYS_NOTHING for word in re.findall(r"[^\W\d_]+", title.lower()))


def title_of_file(name: str) -> str:
    """The title that a file's name gives: without its extension, and with spaces for underscores."""
    return " ".join(without_ending(name).replace("_", " ").split()) or name


def set_title(meeting: Meeting, title: str, source: TitleSource) -> None:
    meeting.title, meeting.title_from = title.strip()[:TITLE_CHARACTERS], source


def take_tagged_title(meeting: Meeting, title: str | None) -> None:
    """Use the title in a recording's tags, unless the caller gave one or the tag says nothing."""
    if title and meeting.title_from == TitleSource.FILE_NAME and not is_generic(title):
        set_title(meeting, title, TitleSource.TAG)


def take_title_of_content(meeting: Meeting, minutes: Minutes) -> None:
    """Name a meeting after its minutes, if it has no title, or that of a file whose name says nothing."""
    named = bool(meeting.title) and (meeting.title_from != TitleSource.FILE_NAME or not is_generic(meeting.title))
    if not named and minutes.title:
        set_title(meeting, minutes.title, TitleSource.CONTENT)
