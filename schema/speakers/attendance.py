"""Whether a listener works. A file waits for its listener, so somebody has to notice when there is none."""

from __future__ import annotations

from redis import Redis
from sqlalchemy import select

from schema.core.database import Database
from schema.meetings.locks import lock_meeting, lock_tracks
from schema.meetings.tables import Track

ABSENT_AFTER_S = 120
_KEY = "mb:listener"
MISSED_KEY = "mb:listener-missed"
"""Since when nobody has seen a listener, in seconds of Redis's clock."""
NO_LISTENER = "no listener worked"


def note_listener(redis: Redis) -> None:
    """Say that a listener works now."""
    redis.set(_KEY, 1, ex=ABSENT_AFTER_S)


def listener_is_absent(redis: Redis) -> bool:
    """Whether no listener has worked for two minutes, or since two minutes after somebody first asked.

    So a system that starts again with work to do gives its listener the time to load its models.
    """
    if redis.exists(_KEY):
        redis.delete(MISSED_KEY)
        return False
    now_s = redis.time()[0]
    redis.set(MISSED_KEY, now_s, nx=True, ex=24 * 3600)
    return now_s - int(redis.get(MISSED_KEY) or now_s) >= ABSENT_AFTER_S


def expect_listener(redis: Redis) -> None:
    """Begin to wait for a listener anew: somebody holds it up on purpose."""
    redis.delete(MISSED_KEY)


def stop_listening(database: Database, meeting_id: str) -> list[str]:
    """Listen to a meeting no more: what was not heard stays unheard. Returns the ids of its tracks.

    What was heard keeps its labels. Raises NotFound, Gone.
    """
    with database.write() as session:
        lock_tracks(session, meeting_id)
        meeting = lock_meeting(session, meeting_id)
        tracks = session.scalars(
            select(Track).where(Track.meeting_id == meeting_id, Track.heard_sample.is_not(None))
        ).all()
        for track in tracks:
            end = max(track.closed_sample or 0, track.received_sample, track.committed_sample)
            if (track.heard_sample or 0) < end:
                track.unheard = [*track.unheard, [track.heard_sample, end, NO_LISTENER]]
            track.heard_sample = None
        meeting.speakers = None
        return [track.id for track in tracks]
