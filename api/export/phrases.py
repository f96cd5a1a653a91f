"""Phrases that all exports and the terminal share: times, coverage, authors, evidence."""

from __future__ import annotations

from datetime import date, datetime

from api.export.labels import IN_ENGLISH, Labels
from schema.core.states import MeetingState, SummaryKind
from schema.core.units import s_of_samples
from schema.meetings.wire import Author, Authors, CoverageTotals, MeetingOut, MinutesOut, SegmentOut
from schema.minutes.minutes import Action, Chapter

KINDS = ("transcribed", "silent", "missing", "failed", "shed", "pending")


def state_label(meeting: MeetingOut) -> str:
    """The state for people. While a recording arrives, waits or is decoded, its meeting is not live for them."""
    waits = meeting.state == MeetingState.LIVE and meeting.upload_state is not None
    return str(meeting.upload_state if waits else meeting.state)


def date_line(meeting: MeetingOut, labels: Labels = IN_ENGLISH) -> str:
    """`2026-03-02 09:30 UTC+01:00, finished`, with the version if it is not the first."""
    version = f", {labels.version.format(meeting.version)}" if meeting.version > 1 else ""
    return f"{_time_with_offset(meeting.started_at)}, {state_label(meeting)}{version}"


def _time_with_offset(time: datetime) -> str:
    offset = f"{time:%z}"
    shown = f"{offset[:3]}:{offset[3:5]}" if time.utcoffset() else ""
    return f"{time:%Y-%m-%d %H:%M} UTC{shown}"


def has_text(segment: SegmentOut) -> bool:
    """False if a correction has removed all text of the segment."""
    return bool(segment.text.strip())


def off_record_mark(segment: SegmentOut, labels: Labels = IN_ENGLISH) -> str:
    """What follows the text of *segment*: a space and the mark if a part of it is off the record, else nothing."""
    return f" {labels.off_record}" if segment.off_record else ""


def coverage_line(totals: CoverageTotals) -> str:
    """`193.5 s received: 170.2 s transcribed, 23.3 s silent`, without the kinds that have no audio.

    Several tracks run side by side. The line then begins with the length of the recording: `120.0 s long, 480.0 s
    received on all tracks: ...`.
    """
    parts = [f"{seconds:.1f} s {kind}" for kind in KINDS if (seconds := getattr(totals, f"{kind}_s")) > 0]
    several = totals.received_s > totals.duration_s
    head = f"{totals.duration_s:.1f} s long, " if several else ""
    where = " on all tracks" if several else ""
    return f"{head}{totals.received_s:.1f} s received{where}: {', '.join(parts) or 'nothing yet'}"


def authors_line(authors: Authors | None, labels: Labels = IN_ENGLISH) -> str:
    """`Transcript: package:tiny.en with clinic@3. Minutes: package:gemma-3-270m.`; empty if there is no text."""
    made = {labels.transcript: authors.transcript, labels.minutes: authors.minutes} if authors else {}
    return " ".join(f"{part}: {', '.join(map(_author, by))}." for part, by in made.items() if by)


def _author(author: Author) -> str:
    return f"{author.model} with {author.adapter}" if author.adapter else author.model


def clock(seconds: float) -> str:
    """`m:ss`, or `h:mm:ss` from one hour on."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def minutes_heading(minutes: MinutesOut, labels: Labels = IN_ENGLISH) -> str:
    """`Minutes`, with the version from the second one on; for rolling minutes also the time that they reach."""
    if minutes.kind != SummaryKind.FINAL:
        return labels.part.format(minutes.version, clock(minutes.through_s))
    version = f" ({labels.version.format(minutes.version)})" if minutes.version > 1 else ""
    return f"{labels.minutes}{version}"


def untranslated_note(minutes: MinutesOut, labels: Labels = IN_ENGLISH) -> str:
    """Says that the minutes are not, or not all, in the language in which they were asked for; empty if they are."""
    wanted = minutes.minutes.wanted_language
    return labels.untranslated.format(wanted) if wanted else ""


def chapter_heading(chapter: Chapter) -> str:
    """`Budget (2:05–7:40)`, or only the times if the chapter has no title."""
    first, end = (clock(s_of_samples(sample)) for sample in (chapter.first_sample, chapter.end_sample))
    return f"{chapter.title} ({first}–{end})" if chapter.title else f"{first}–{end}"


def due_note(action: Action, labels: Labels = IN_ENGLISH) -> str:
    """`due: Thursday, 2026-03-05`, without the words if the action's text has them, and without an unknown day."""
    words = action.due if action.due and action.due.lower() not in action.text.lower() else ""
    told = due_label(words, action.due_on)
    return labels.due.format(told) if told else ""


def due_label(due: str | None, due_on: date | None) -> str:
    """`Thursday, 2026-03-05`: the words and the day, as far as they are known."""
    day = "" if due_on is None else due_on.isoformat()
    return ", ".join(dict.fromkeys(filter(None, (due, day))))
