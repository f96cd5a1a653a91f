"""How a meeting comes to its end: drained, summarised, finished. Every move is conditional and may be tried twice."""

from __future__ import annotations

from sqlalchemy import func, or_, select, update

from schema.core.events import Event, publish
from schema.core.states import MeetingState
from schema.meetings.tables import Meeting, Track
from schema.meetings.views import segment_event
from schema.stores import Stores
from workers.corrections.carry_over import carry_corrections, carry_sentences


def end_transcription(stores: Stores, meeting_id: str) -> bool:
    """Move a draining meeting on when every track is closed and committed to its end. True when this call did.

    A version of an earlier meeting takes over what was corrected there, before its minutes are made.
    """
    unfinished = (
        select(func.count())
        .select_from(Track)
        .where(
            Track.meeting_id == meeting_id,
            or_(Track.closed_sample.is_(None), Track.committed_sample < Track.closed_sample),
        )
        .scalar_subquery()
    )
    with stores.database.write() as session:
        moved = session.scalar(
            update(Meeting)
            .where(Meeting.id == meeting_id, Meeting.state == MeetingState.DRAINING, unfinished == 0)
            .values(state=MeetingState.SUMMARIZING)
            .returning(Meeting)
        )
        if moved is None:
            return False
        carried = [segment_event(segment, track) for segment, track in carry_corrections(session, moved)]
        carry_sentences(session, moved)
    publish(stores.redis, meeting_id, [*carried, Event("state", {"state": MeetingState.SUMMARIZING})])
    return True
