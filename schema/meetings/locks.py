"""Locks of a meeting's rows, in the one order that everybody takes them, so that nobody waits in a circle.

Tracks by id, then meetings by id, then what belongs to them. `lock_meeting` and `advance_seq` keep a meeting's row
until the commit, so that its writers come one by one.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from schema.core.errors import Gone, NotFound
from schema.core.states import MeetingState
from schema.meetings.tables import Meeting, Track


def lock_tracks(session: Session, meeting_id: str) -> Sequence[str]:
    """The ids of the meeting's tracks. A worker's commit takes its track first, so none is under way afterwards."""
    wanted = select(Track.id).where(Track.meeting_id == meeting_id).order_by(Track.id)
    return session.scalars(wanted.with_for_update()).all()


def lock_meeting(session: Session, meeting_id: str) -> Meeting:
    """Raises NotFound, Gone."""
    wanted = select(Meeting).where(Meeting.id == meeting_id).with_for_update()
    meeting = session.scalar(wanted.execution_options(populate_existing=True))
    if meeting is None:
        raise NotFound(f"meeting '{meeting_id}' does not exist; 'GET /v1/meetings' lists those there are")
    if meeting.state == MeetingState.DELETED:
        raise Gone(f"meeting '{meeting_id}' was deleted")
    return meeting


def lock_versions(session: Session, meeting_id: str) -> Sequence[Meeting]:
    """Every version of the meeting that is not deleted, the oldest first; empty when there is no such meeting."""
    root = session.scalar(select(Meeting.version_of).where(Meeting.id == meeting_id)) or meeting_id
    family = or_(Meeting.id == root, Meeting.version_of == root)
    wanted = select(Meeting).where(family).order_by(Meeting.id).with_for_update()
    found = session.scalars(wanted.execution_options(populate_existing=True)).all()
    return sorted((each for each in found if each.state != MeetingState.DELETED), key=lambda each: each.version)


def advance_seq(session: Session, meeting_id: str, count: int) -> int:
    """Take the meeting's next *count* numbers; returns the last of them."""
    statement = update(Meeting).where(Meeting.id == meeting_id).values(seq=Meeting.seq + count).returning(Meeting.seq)
    return session.execute(statement).scalar_one()
