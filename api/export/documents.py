"""The formats of exports, and a meeting as Markdown, JSON and plain text. `docx` and `subtitles` have the others."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from pydantic import Field

from api.export.labels import Labels, labels_of
from api.export.outline import MinutesLine, MinutesSection, outline
from api.export.phrases import (
    authors_line,
    clock,
    coverage_line,
    date_line,
    has_text,
    minutes_heading,
    off_record_mark,
    untranslated_note,
)
from schema.core.wire import Wire
from schema.meetings.wire import MeetingOut, MinutesOut, SegmentOut
from schema.minutes.minutes import Minutes
from schema.typed_notes.wire import TypedNoteOut

_PUNCTUATION = r"[!-/:-@\[-`{-~]"
_MARKUP = re.compile(
    rf"\\(?={_PUNCTUATION}|$)"
    r"|[`*\[\]<>|~]"
    r"|(?<![^\W_])_|_(?![^\W_])"  # inside a word it is no markup
    r"|&(?=#?\w+;)"
    r"|^(?:#{1,6}(?=\s|$)|[-+](?=\s|$)|-(?=[-\s]+$)|=(?==*\s*$))"  # a heading, an item or a line, at the beginning
    r"|(?<=\s)#(?=#*$)"  # the end of a heading
)
_NUMBERED = re.compile(r"^(\d{1,9})([.)])(?=\s|$)")


class ExportFormat(StrEnum):
    """The formats, named by their file extensions."""

    MD = "md"
    JSON = "json"
    TXT = "txt"
    SRT = "srt"
    VTT = "vtt"
    DOCX = "docx"


class Export(Wire):
    """Everything that an export shows. `segments` are in order of time.

    `typed_notes` are there before any minutes are.
    """

    meeting: MeetingOut
    minutes: MinutesOut | None
    typed_notes: list[TypedNoteOut] = Field(default_factory=list)
    segments: list[SegmentOut]

    @property
    def labels(self) -> Labels:
        """The labels in the language of the minutes."""
        return labels_of(self.meeting, self.minutes)

    def sections(self) -> list[MinutesSection]:
        """The sections of the minutes and the typed notes."""
        body = Minutes() if self.minutes is None else self.minutes.minutes
        starts_s = {segment.id: segment.start_s for segment in self.segments}
        return outline(body, starts_s.get, self.typed_notes, self.labels)


@dataclass(frozen=True, slots=True)
class Style:
    """The markup of a document that consists of lines."""

    heading: Callable[[int, str], str]
    strong: Callable[[str], str]
    plain: Callable[[str], str]


MARKDOWN = Style(
    heading=lambda level, text: f"{'#' * level} {_escaped(text)}",
    strong=lambda text: f"**{_escaped(text)}**",
    plain=lambda text: _escaped(text),
)
TEXT = Style(
    heading=lambda level, text: f"{text}\n{('=' if level == 1 else '-') * len(text)}",
    strong=lambda text: text,
    plain=lambda text: " ".join(text.split()),
)


def to_json(export: Export) -> str:
    """All data of the export, including the words of segments. Typed notes stand in it once."""
    return export.model_dump_json(indent=2, exclude={"minutes": {"typed_notes"}}) + "\n"


def to_markdown(export: Export) -> str:
    return _document(export, MARKDOWN)


def to_text(export: Export) -> str:
    return _document(export, TEXT)


def _document(export: Export, style: Style) -> str:
    meeting, labels = export.meeting, export.labels
    lines = [
        style.heading(1, meeting.title or labels.meeting.format(meeting.id)),
        "",
        date_line(meeting, labels),
        "",
        f"{labels.audio}: {coverage_line(meeting.coverage)}",
    ]
    if made := authors_line(meeting.made_by, labels):
        lines += ["", style.plain(made)]
    lines += _minutes(export, style)
    lines += ["", style.heading(2, labels.transcript)]
    for segment in filter(has_text, export.segments):
        speaker = f"{style.strong(segment.speaker)}: " if segment.speaker else ""
        lines += [
            "",
            f"{clock(segment.start_s)} {speaker}{style.plain(segment.text)}{off_record_mark(segment, labels)}",
        ]
    return "\n".join(lines) + "\n"


def _minutes(export: Export, style: Style) -> Iterator[str]:
    if export.minutes is not None:
        yield from ("", style.heading(2, minutes_heading(export.minutes, export.labels)))
        if told := untranslated_note(export.minutes, export.labels):
            yield from ("", style.plain(told))
    for section in export.sections():
        yield from (
            "",
            style.heading(3, section.heading),
            "",
            *(_line(line, style, export.labels) for line in section.lines),
        )


def _line(line: MinutesLine, style: Style, labels: Labels) -> str:
    name = line.owner if line.owner == labels.nobody else style.strong(line.owner)
    owner = f"{name}{':' if line.colon else ''}" if line.owner else ""
    mark = "" if line.supported else labels.unsupported
    return " ".join(filter(None, ("-", owner, style.plain(line.text), style.plain(line.note), mark)))


def _escaped(text: str) -> str:
    """*text* as Markdown shows it letter by letter. Only what would be markup where it stands gets a backslash."""
    return _NUMBERED.sub(r"\1\\\2", _MARKUP.sub(r"\\\g<0>", " ".join(text.split())))
