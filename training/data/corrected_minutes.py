"""Minutes that users corrected, as examples: what was said in a window, and what the minutes say of it now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from schema.core.states import SummaryKind
from schema.corrections.sentences import SentenceCorrection
from schema.meetings.minutes import MINUTES, Action, Sentence, named, parts
from schema.meetings.tables import Meeting, Note, Segment, Summary


def corrected_windows(session: Session) -> list[dict[str, Any]]:
    """Rows of a manifest, one of each window of which somebody corrected a sentence, in meetings that are shown.

    A sentence belongs to the window that holds most of what it rests on. Sentences that were taken out leave their
    window without them; of a window that nothing is left of there is no row.
    """
    corrected = exists().where(SentenceCorrection.meeting_id == Meeting.id)
    meetings = session.scalars(select(Meeting).where(Meeting.shown, corrected).order_by(Meeting.id)).all()
    return [row for meeting in meetings for row in _of_meeting(session, meeting)]


def _of_meeting(session: Session, meeting: Meeting) -> Iterator[dict[str, Any]]:
    windows = _windows(session, meeting.id)
    resting: dict[int, list[Sentence | Action]] = {}
    for item in _final(session, meeting.id):
        note = _window_of(item, windows)
        if note is not None:
            resting.setdefault(note, []).append(item)
    for note, segments in windows.items():
        items = resting.get(note, [])
        text = "\n".join(f"{s.speaker}: {s.text}" if s.speaker else s.text for s in segments if s.text)
        summary = " ".join(item.text for item in items if item.text)
        if text and summary and any(item.corrected for item in items):
            yield {
                "id": f"{meeting.id}/note-{note}",
                "text": text,
                "summary": summary,
                "language": meeting.language,
                "group": meeting.id,
            }


def _windows(session: Session, meeting_id: str) -> dict[int, Sequence[Segment]]:
    """The segments of each window by its note, in the order of the meeting."""
    wanted = select(Segment).join(Note, Note.id == Segment.note_id).where(Segment.meeting_id == meeting_id)
    rows = session.scalars(wanted.order_by(Note.ordinal, Segment.first_sample, Segment.id))
    return {note: list(held) for note, held in groupby(rows, key=lambda row: row.note_id or 0)}


def _final(session: Session, meeting_id: str) -> list[Sentence | Action]:
    """Each sentence of the last final minutes once: what prose says, then what was decided, then who does what."""
    final = select(Summary).where(Summary.meeting_id == meeting_id, Summary.kind == SummaryKind.FINAL)
    summary = session.scalar(final.order_by(Summary.version.desc()).limit(1))
    if summary is None:
        return []
    minutes = named(MINUTES.validate_python(summary.body))
    return list({item.id: item for _, item in parts(minutes)}.values())


def _window_of(item: Sentence | Action, windows: Mapping[int, Sequence[Segment]]) -> int | None:
    """The note of the window that holds most of the evidence; None where none holds any."""
    evidence = set(item.evidence)
    held = {note: len(evidence & {each.id for each in segments}) for note, segments in windows.items()}
    best = max(held, key=lambda note: held[note], default=None)
    return best if best is not None and held[best] else None
