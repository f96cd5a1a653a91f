"""How far each live meeting is behind."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, exists, func, select
from sqlalchemy.orm import Session

from api.meetings.coverage import received_samples
from schema.core.states import MeetingState, TrackKind
from schema.core.units import s_of_samples
from schema.fleet.wire import MeetingDelay
from schema.mailbox import Mailbox
from schema.meetings.tables import Meeting, Track

UNFINISHED = (MeetingState.LIVE, MeetingState.DRAINING, MeetingState.SUMMARIZING)
MEETINGS_LIMIT = 100


def count_unfinished(session: Session) -> int:
    """How many live meetings are not finished. Recordings are not counted."""
    return session.scalar(select(func.count()).select_from(Meeting).where(_is_unfinished())) or 0


def meeting_delays(session: Session, mailbox: Mailbox) -> list[MeetingDelay]:
    """The newest live meetings that are not finished. Those that are furthest behind come first."""
    newest = select(Meeting).where(_is_unfinished()).order_by(Meeting.created_at.desc(), Meeting.id)
    meetings = session.scalars(newest.limit(MEETINGS_LIMIT)).all()
    tracks = session.scalars(select(Track).where(Track.meeting_id.in_([each.id for each in meetings]))).all()
    received = received_samples(mailbox, tracks)
    of_meeting: dict[str, list[Track]] = {each.id: [] for each in meetings}
    for track in tracks:
        of_meeting[track.meeting_id].append(track)
    delays = [_delay(meeting, of_meeting[meeting.id], received) for meeting in meetings]
    return sorted(delays, key=lambda delay: -delay.behind_s)


def _is_unfinished() -> ColumnElement[bool]:
    is_live = exists().where(Track.meeting_id == Meeting.id, Track.kind == TrackKind.LIVE)
    return and_(Meeting.state.in_(UNFINISHED), is_live)


def _delay(meeting: Meeting, tracks: Sequence[Track], received: dict[str, int]) -> MeetingDelay:
    behind = max((received[track.id] - track.committed_sample for track in tracks), default=0)
    return MeetingDelay(
        meeting_id=meeting.id,
        title=meeting.title,
        state=MeetingState(meeting.state),
        started_at=meeting.started_at,
        tracks=len(tracks),
        behind_s=s_of_samples(max(0, behind)),
    )
