"""Finds the meeting, track or webhook that a request names, if its key may see it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.keys import Principal
from schema.core.errors import Gone, NotFound
from schema.core.states import MeetingState
from schema.mailbox import Heard
from schema.meetings.tables import Meeting, Track
from schema.webhooks.outbox import Webhook


@dataclass(frozen=True, slots=True)
class TrackPlace:
    """The state of a track in SQL."""

    meeting_id: str
    track_id: str
    name: str
    state: MeetingState
    committed_sample: int
    closed_sample: int | None
    epoch: int
    kind: str
    heard: Heard | None = None


def find_meeting(session: Session, meeting_id: str, principal: Principal) -> Meeting:
    """Raises NotFound if there is no such meeting or it belongs to another key, Gone if it was deleted."""
    # PostgreSQL refuses to search for a text that contains NUL.
    meeting = None if "\0" in meeting_id else session.get(Meeting, meeting_id)
    if meeting is None or not principal.sees(meeting.owner):
        raise NotFound(f"this key has no meeting '{meeting_id[:64]}'; 'GET /v1/meetings' lists its meetings")
    if meeting.state == MeetingState.DELETED:
        raise Gone(f"meeting '{meeting_id}' was deleted")
    return meeting


def find_track(session: Session, meeting_id: str, name: str, principal: Principal) -> TrackPlace:
    """Raises NotFound if the meeting or the track does not exist, Gone if the meeting was deleted."""
    meeting = find_meeting(session, meeting_id, principal)
    tracks = session.scalars(select(Track).where(Track.meeting_id == meeting.id).order_by(Track.name)).all()
    track = next((track for track in tracks if track.name == name), None)
    if track is None:
        names = ", ".join(track.name for track in tracks)
        raise NotFound(f"meeting '{meeting_id}' has no track '{name[:64]}'; its tracks are: {names}", track=name[:64])
    return TrackPlace(
        meeting_id=meeting.id,
        track_id=track.id,
        name=track.name,
        state=MeetingState(meeting.state),
        committed_sample=track.committed_sample,
        closed_sample=track.closed_sample,
        epoch=track.epoch,
        kind=track.kind,
        heard=track.heard,
    )


def find_webhook(session: Session, webhook_id: str, principal: Principal) -> Webhook:
    """Raises NotFound if there is no such webhook or it belongs to another key."""
    webhook = None if "\0" in webhook_id else session.get(Webhook, webhook_id)
    if webhook is None or not principal.sees(webhook.owner):
        raise NotFound(f"this key has no webhook '{webhook_id[:64]}'; 'GET /v1/webhooks' lists its webhooks")
    return webhook
