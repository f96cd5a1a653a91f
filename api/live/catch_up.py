"""Reads from SQL the events that a follower has missed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select

from schema.core.database import Database
from schema.core.events import Event
from schema.core.states import MeetingState
from schema.meetings.tables import Meeting
from schema.meetings.views import events_after

PAGE = 500


@dataclass(frozen=True, slots=True)
class CatchUp:
    """`events` are all rows after the given one up to `through_seq`; `complete` if there was nothing newer."""

    state: MeetingState
    events: list[Event]
    through_seq: int
    complete: bool


def rows_after(database: Database, meeting_id: str, after: int | None) -> CatchUp:
    """The rows after *after*, in order. If *after* is None, only the state and the latest number."""
    with database.read() as session:
        # Read the number first: all rows up to it are committed. Some rows with later numbers may not be visible yet.
        found = session.execute(select(Meeting.state, Meeting.seq).where(Meeting.id == meeting_id)).one_or_none()
        if found is None:
            return CatchUp(MeetingState.DELETED, [], after or 0, complete=True)
        state, seq = MeetingState(found[0]), found[1]
        if after is None or seq <= after:
            return CatchUp(state, [], seq, complete=True)
        page = events_after(session, meeting_id, after, PAGE)
    events = [event for event in page if event.seq is not None and event.seq <= seq]
    if len(page) < PAGE or not events:
        return CatchUp(state, events, seq, complete=True)
    return CatchUp(state, events, events[-1].seq or seq, complete=False)
