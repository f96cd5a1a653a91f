"""A meeting as a file: Markdown, JSON, text, SRT, WebVTT. Pure functions of what clients see. `docx` has DOCX."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from api.export.subtitles import cues_of
from schema.core.states import SummaryKind
from schema.core.units import s_of_samples
from schema.meetings.minutes import Action, Chapter, Sentence, without_gaps
from schema.meetings.wire import Author, Authors, CoverageTotals, MeetingOut, MinutesOut, SegmentOut, Wire

UNSUPPORTED = "[unsupported]"
"""Stands behind every sentence of the minutes that nothing in the transcript supports."""
NOBODY = "nobody named"
KINDS = ("transcribed", "silent", "missing", "failed", "shed", "pending")
_MARKDOWN = re.compile(r"([\\`*_\[\]<>])")


class Form(StrEnum):
    """The formats, by the ends of their files' names."""

    MD = "md"
    JSON = "json"
    TXT = "txt"
    SRT = "srt"
    VTT = "vtt"
    DOCX = "docx"


class Export(Wire):
    """Everything that an export shows. `segments` are in the order of time."""

    meeting: MeetingOut
    minutes: MinutesOut | None
    segments: list[SegmentOut]


@dataclass(frozen=True, slots=True)
class Style:
    """How a document of lines is marked up."""

    head: Callable[[int, str], str]
    strong: Callable[[str], str]
    plain: Callable[[str], str]


MARKDOWN = Style(
    head=lambda level, text: f"{'#' * level} {_escaped(text)}",
    strong=lambda text: f"**{_escaped(text)}**",
    plain=lambda text: _escaped(text),
)
TEXT = Style(
    head=lambda level, text: f"{text}\n{('=' if level == 1 else '-') * len(text)}",
    strong=lambda text: text,
    plain=lambda text: " ".join(text.split()),
)


def to_json(export: Export) -> str:
    """The whole of it, words included."""
    return export.model_dump_json(indent=2) + "\n"


def to_markdown(export: Export) -> str:
    return _document(export, MARKDOWN)


def to_text(export: Export) -> str:
    return _document(export, TEXT)


def to_srt(export: Export) -> str:
    """SubRip: at most two lines of 42 characters; a turn begins with its speaker's name."""
    cues = cues_of(export.segments, named_in_text=True)
    blocks = [
        f"{number}\n{_stamp(cue.start_s, ',')} --> {_stamp(cue.end_s, ',')}\n" + "\n".join(cue.lines) + "\n"
        for number, cue in enumerate(cues, 1)
    ]
    return "\n".join(blocks)


def to_vtt(export: Export) -> str:
    """WebVTT: as SRT, with speakers as voices the coverage and what made the text as notes."""
    notes = [coverage_line(export.meeting.coverage), authors_line(export.meeting.made_by)]
    blocks = ["WEBVTT\n", *(f"NOTE {note}\n" for note in notes if note)]
    for cue in cues_of(export.segments, named_in_text=False):
        voice = f"<v {_in_vtt(cue.speaker)}>" if cue.speaker else ""
        text = "\n".join(_in_vtt(line) for line in cue.lines)
        blocks.append(f"{_stamp(cue.start_s, '.')} --> {_stamp(cue.end_s, '.')}\n{voice}{text}\n")
    return "\n".join(blocks)


def when_line(meeting: MeetingOut) -> str:
    """`2026-03-02 09:30 UTC, finished`, and which version it is where there are several."""
    version = f", version {meeting.version}" if meeting.version > 1 else ""
    return f"{meeting.created_at:%Y-%m-%d %H:%M} UTC, {meeting.state.value}{version}"


def says_something(segment: SegmentOut) -> bool:
    """Not so when somebody has found that nothing was said there."""
    return bool(segment.text.strip())


def coverage_line(totals: CoverageTotals) -> str:
    """`193.5 s received: 170.2 s transcribed, 23.3 s silent`: every kind that has any."""
    parts = [f"{seconds:.1f} s {kind}" for kind in KINDS if (seconds := getattr(totals, f"{kind}_s")) > 0]
    return f"{totals.received_s:.1f} s received: {', '.join(parts) or 'nothing yet'}"


def authors_line(authors: Authors | None) -> str:
    """`Transcript: package:tiny.en with clinic@3. Minutes: package:gemma-3-270m.`; empty when there is no text."""
    made = {"Transcript": authors.transcript, "Minutes": authors.minutes} if authors else {}
    return " ".join(f"{part}: {', '.join(map(_author, by))}." for part, by in made.items() if by)


def _author(author: Author) -> str:
    return f"{author.model} with {author.adapter}" if author.adapter else author.model


def clock(seconds: float) -> str:
    """`m:ss`, or `h:mm:ss` from one hour on."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def _document(export: Export, style: Style) -> str:
    meeting = export.meeting
    lines = [
        style.head(1, meeting.title or f"Meeting {meeting.id}"),
        "",
        when_line(meeting),
        "",
        f"Audio: {coverage_line(meeting.coverage)}",
    ]
    if made := authors_line(meeting.made_by):
        lines += ["", style.plain(made)]
    if export.minutes is not None:
        lines += _minutes(export.minutes, {each.id: each.start_s for each in export.segments}, style)
    lines += ["", style.head(2, "Transcript")]
    for segment in filter(says_something, export.segments):
        speaker = f"{style.strong(segment.speaker)}: " if segment.speaker else ""
        lines += ["", f"{clock(segment.start_s)} {speaker}{style.plain(segment.text)}"]
    return "\n".join(lines) + "\n"


def _minutes(minutes: MinutesOut, starts_s: dict[int, float], style: Style) -> Iterator[str]:
    yield from ("", style.head(2, minutes_head(minutes)))
    body = without_gaps(minutes.minutes)
    yield from _section("Overview", [_sentence(each, starts_s, style) for each in body.overview], style)
    for chapter in body.chapters:
        sentences = [_sentence(each, starts_s, style) for each in chapter.sentences]
        yield from _section(chapter_head(chapter), sentences, style)
    yield from _section("Decisions", [_sentence(each, starts_s, style) for each in body.decisions], style)
    yield from _section("Actions", [_action(each, starts_s, style) for each in body.actions], style)


def minutes_head(minutes: MinutesOut) -> str:
    """`Minutes`, with their version where they were made again; for a meeting that goes on, also how far they go."""
    if minutes.kind == SummaryKind.FINAL:
        return "Minutes" if minutes.version == 1 else f"Minutes (version {minutes.version})"
    return f"Minutes so far (version {minutes.version}, through {clock(minutes.through_s)})"


def chapter_head(chapter: Chapter) -> str:
    """`Budget (2:05–7:40)`."""
    first, end = (clock(s_of_samples(sample)) for sample in (chapter.first_sample, chapter.end_sample))
    return f"{chapter.title} ({first}–{end})"


def _section(head: str, items: list[str], style: Style) -> Iterator[str]:
    if items:
        yield from ("", style.head(3, head), "", *items)


def _sentence(sentence: Sentence, starts_s: dict[int, float], style: Style) -> str:
    return f"- {style.plain(sentence.text)}{support(sentence, starts_s)}"


def _action(action: Action, starts_s: dict[int, float], style: Style) -> str:
    owner = style.strong(action.owner) if action.owner else NOBODY
    when = f" {style.plain(due(action))}" if due(action) else ""
    return f"- {owner}: {style.plain(action.text)}{when}{support(action, starts_s)}"


def due(action: Action) -> str:
    """`(due: Thursday)`, unless the action's text says so itself."""
    return f"(due: {action.due})" if action.due and action.due.lower() not in action.text.lower() else ""


def support(item: Sentence | Action, starts_s: dict[int, float]) -> str:
    """The times of what *item* rests on, or the mark of what rests on nothing. *starts_s* is by segment id."""
    if not item.supported:
        return f" {UNSUPPORTED}"
    times = sorted({starts_s[segment_id] for segment_id in item.evidence if segment_id in starts_s})
    return f" ({', '.join(dict.fromkeys(clock(time) for time in times))})" if times else ""


def _stamp(seconds: float, comma: str) -> str:
    total_ms = round(1000 * seconds)
    second, ms = divmod(total_ms, 1000)
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return f"{hour:02}:{minute:02}:{second:02}{comma}{ms:03}"


def _escaped(text: str) -> str:
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def _in_vtt(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
