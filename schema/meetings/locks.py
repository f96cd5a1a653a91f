"""Locks on a meeting's rows. All transactions take them in one order, so they cannot deadlock.

The order is: tracks by id, then meetings by id, then the rows that belong to them. `lock_meeting` and `advance_seq`
hold the meeting's row until the commit, so only one transaction at a time writes to a meeting.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from schema.core.errors import Gone, NotFound
from schema.core.states import MeetingState
from schema.meetings.tables import Meeting, Track


def lock_tracks(session: Session, meeting_id: str) -> Sequence[str]:
    """Lock the meeting's tracks and return their ids.

    A worker's commit locks its track first, so no commit to this meeting is in progress once this returns.
    """
    wanted = select(Track.id).where(Track.meeting_id == meeting_id).order_by(Track.id)
    return session.scalars(wanted.with_for_update()).all()


def lock_meeting(session: Session, meeting_id: str) -> Meeting:
    """Lock and reload the meeting. Raises NotFound, Gone."""
    wanted = select(Meeting).where(Meeting.id == meeting_id).with_for_update()
    meeting = session.scalar(wanted.execution_options(populate_existing=True))
    if meeting is None:
        raise NotFound(f"meeting '{meeting_id}' does not exist; 'GET /v1/meetings' lists all meetings")
    if meeting.state == MeetingState.DELETED:
        raise Gone(f"meeting '{meeting_id}' was deleted")
    return meeting


def lock_versions(session: Session, meeting_id: str) -> Sequence[Meeting]:
    """Lock all versions of the meeting and return those that are not deleted, oldest first.

    Returns nothing when the meeting does not exist.
    """
    root = session.scalar(select(Meeting.version_of).where(Meeting.id == meeting_id)) or meeting_id
    family = or_(Meeting.id == root, Meeting.version_of == root)
    wanted = select(Meeting).where(family).order_by(Meeting.id).with_for_update()
    found = session.scalars(wanted.execution_options(populate_existing=True)).all()
    return sorted((each for each in found if each.state != MeetingState.DELETED), key=lambda each: each.version)


def advance_seq(session: Session, meeting_id: str, count: int) -> int:
    """Reserve the meeting's next *count* sequence numbers and return the last one."""
    statement = update(Meeting).where(Meeting.id == meeting_id).values(seq=Meeting.seq + count).returning(Meeting.seq)
    return session.execute(statement).scalar_one()
