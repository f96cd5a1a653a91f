"""Minutes corrected by users, as examples: the words of a window and what the minutes now say about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from schema.core.states import SummaryKind
from schema.corrections.sentences import SentenceCorrection
from schema.meetings.tables import Meeting, Note, Segment, Summary
from schema.minutes.minutes import MINUTES, Action, Sentence, named, parts


def corrected_windows(session: Session) -> list[dict[str, Any]]:
    """Manifest rows, one for each window with a corrected sentence, from meetings that are shown.

    A sentence belongs to the window that holds most of its evidence. Deleted sentences are left out of the summary. A
    window without any sentence left gives no row.
    """
    corrected = exists().where(SentenceCorrection.meeting_id == Meeting.id)
    meetings = session.scalars(select(Meeting).where(Meeting.shown, corrected).order_by(Meeting.id)).all()
    return [row for meeting in meetings for row in _meeting_rows(session, meeting)]


def _meeting_rows(session: Session, meeting: Meeting) -> Iterator[dict[str, Any]]:
    windows = _segments_by_note(session, meeting.id)
    supported: dict[int, list[Sentence | Action]] = {}
    for item in _final_items(session, meeting.id):
        note = _supporting_note(item, windows)
        if note is not None:
            supported.setdefault(note, []).append(item)
    for note, segments in windows.items():
        items = supported.get(note, [])
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


def _segments_by_note(session: Session, meeting_id: str) -> dict[int, Sequence[Segment]]:
    """The segments of each window by the id of its note, in the order of the meeting."""
    query = select(Segment).join(Note, Note.id == Segment.note_id).where(Segment.meeting_id == meeting_id)
    rows = session.scalars(query.order_by(Note.ordinal, Segment.first_sample, Segment.id))
    return {note: list(held) for note, held in groupby(rows, key=lambda row: row.note_id or 0)}


def _final_items(session: Session, meeting_id: str) -> list[Sentence | Action]:
    """Each sentence of the latest final minutes once: prose first, then decisions, then actions."""
    final = select(Summary).where(Summary.meeting_id == meeting_id, Summary.kind == SummaryKind.FINAL)
    summary = session.scalar(final.order_by(Summary.version.desc()).limit(1))
    if summary is None:
        return []
    minutes = named(MINUTES.validate_python(summary.body))
    return list({item.id: item for _, item in parts(minutes)}.values())


def _supporting_note(item: Sentence | Action, windows: Mapping[int, Sequence[Segment]]) -> int | None:
    """Id of the note whose window holds most of the item's evidence, or None if no window holds any."""
    evidence = set(item.evidence)
    held = {note: len(evidence & {each.id for each in segments}) for note, segments in windows.items()}
    best = max(held, key=lambda note: held[note], default=None)
    return best if best is not None and held[best] else None
