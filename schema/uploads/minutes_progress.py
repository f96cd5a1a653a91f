"""The progress of the minutes of an upload, once its recording is transcribed.

The minutes are ready soon after every segment has its note. So the share of the text with a note is their progress.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from schema.core.states import UploadState
from schema.meetings.tables import Note, Segment
from schema.uploads.tables import Upload

PACE_NOTES = 6
"""The time that a note takes is measured on this many of the last ones."""


@dataclass(frozen=True, slots=True)
class MinutesProgress:
    """`left_s` is None until it can be estimated, which takes two notes."""

    percent: float
    left_s: float | None


def minutes_progress(session: Session, upload: Upload) -> MinutesProgress:
    """The progress of the minutes of a recording that is transcribed completely."""
    if upload.state == UploadState.FINISHED:
        return MinutesProgress(100.0, 0.0)
    noted, total = _characters(session, upload.meeting_id)
    if not total:
        return MinutesProgress(0.0, None)
    count = session.scalar(select(func.count()).where(Note.meeting_id == upload.meeting_id)) or 0
    note_s = _note_s(session, upload.meeting_id)
    left_s = None if note_s is None else note_s * count * (total - noted) / max(noted, 1)
    return MinutesProgress(100.0 * noted / total, left_s)


def _characters(session: Session, meeting_id: str) -> tuple[int, int]:
    """The length of the text with a note, and of all text."""
    length = func.sum(func.length(Segment.text))
    rows = session.execute(
        select(Segment.note_id.is_not(None), length)
        .where(Segment.meeting_id == meeting_id)
        .group_by(Segment.note_id.is_not(None))
    )
    by_noted = {bool(noted): int(characters or 0) for noted, characters in rows}
    return by_noted.get(True, 0), sum(by_noted.values())


def _note_s(session: Session, meeting_id: str) -> float | None:
    """The time that one note takes: the shortest of the last ones, as the longer ones also waited for their text."""
    latest = select(Note.created_at).where(Note.meeting_id == meeting_id)
    times = session.scalars(latest.order_by(Note.id.desc()).limit(PACE_NOTES)).all()
    return min(((later - earlier).total_seconds() for later, earlier in pairwise(times)), default=None)
