"""The end of a meeting: finishing and deleting it, over SQL and Redis together.

Neither can be one transaction, so each writes its intention to SQL first and may be called again at any time: a call
completes whatever a crash left undone. The worker's sweep calls them for what `unfinished` lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import delete, exists, or_, select, update
from sqlalchemy.orm import Session

from schema.core.errors import Gone, NotFound
from schema.core.events import Event, publish
from schema.core.states import MeetingState, TrackKind
from schema.core.tables import now
from schema.corrections.segments import Correction
from schema.corrections.sentences import SentenceCorrection
from schema.mailbox import Mailbox, shard_of
from schema.meetings.locks import lock_tracks, lock_versions
from schema.meetings.tables import Coverage, Failure, Meeting, Note, Segment, Summary, Track
from schema.stores import Stores


@dataclass(frozen=True, slots=True)
class Finished:
    """`shards` hold tracks that a worker has to settle now."""

    state: MeetingState
    shards: frozenset[int]


def finish_meeting(stores: Stores, meeting_id: str, backlog_limit_samples: int) -> Finished:
    """Take no more audio: the meeting goes from live to draining, its mailboxes are closed, their ends are kept in SQL.

    One that is past draining stays as it is. Raises NotFound, Gone, Unavailable.
    """
    with stores.database.write() as session:
        # A meeting that is not live any more is left as it is: finishing twice is no mistake.
        moved = session.execute(
            update(Meeting)
            .where(Meeting.id == meeting_id, Meeting.state == MeetingState.LIVE)
            .values(state=MeetingState.DRAINING, finished_at=now())
        ).rowcount  # type: ignore[attr-defined]
        meeting = session.get(Meeting, meeting_id)
        if meeting is None:
            raise NotFound(f"meeting '{meeting_id}' does not exist; 'GET /v1/meetings' lists those there are")
        state = MeetingState(meeting.state)
        tracks = session.scalars(select(Track).where(Track.meeting_id == meeting_id)).all()
    if state == MeetingState.DELETED:
        raise Gone(f"meeting '{meeting_id}' was deleted")
    if state != MeetingState.DRAINING:
        return Finished(state, frozenset())
    # The mailbox refuses audio from here on, so what it says is the end. After a crash it says the same again.
    ends = {track.id: _close(stores.mailbox, track, backlog_limit_samples) for track in tracks}
    with stores.database.write() as session:
        for track_id, end in sorted(ends.items()):  # the order in which workers commit, see `schema.meetings.locks`
            unset = update(Track).where(Track.id == track_id, Track.closed_sample.is_(None))
            session.execute(unset.values(closed_sample=end))
    if moved:
        publish(stores.redis, meeting_id, [Event("state", {"state": state.value})])
    return Finished(state, frozenset(shard_of(track_id, stores.mailbox.shards) for track_id in ends))


def _close(mailbox: Mailbox, track: Track, backlog_limit_samples: int) -> int:
    """Close a track's mailbox; one that Redis lost is opened first. Returns where the audio ends.

    What Redis lost of the audio before the end that SQL has, or before what it had received, becomes missing.
    """
    status = mailbox.open(
        track.id,
        committed_sample=track.committed_sample,
        epoch=track.epoch,
        backlog_limit_samples=backlog_limit_samples,
        kind="batch" if track.kind == TrackKind.BATCH else "live",
    )
    end = track.closed_sample or max(track.received_sample, status.received_sample)
    return mailbox.close(track.id, end).received_sample


def delete_meeting(stores: Stores, meeting_id: str) -> None:
    """Leave a tombstone: an empty meeting in state deleted. Deleting it again completes what was left undone.

    The tracks go last, so that as long as there is a mailbox somebody knows of it. Raises NotFound, Unavailable.
    """
    with stores.database.write() as session:
        track_ids = lock_tracks(session, meeting_id)
        versions = lock_versions(session, meeting_id)
        meeting = session.get(Meeting, meeting_id)
        if meeting is None:
            raise NotFound(f"meeting '{meeting_id}' does not exist; there is nothing to delete")
        meeting.state, meeting.title, meeting.vocabulary = MeetingState.DELETED, "", []
        _delete_content(session, meeting_id, track_ids)
        _show_another(meeting, versions)
    for track_id in track_ids:
        stores.mailbox.forget(track_id)
    with stores.database.write() as session:
        lock_tracks(session, meeting_id)
        session.execute(delete(Track).where(Track.id.in_(track_ids)))
    publish(stores.redis, meeting_id, [Event("state", {"state": MeetingState.DELETED.value})])


def _delete_content(session: Session, meeting_id: str, track_ids: Sequence[str]) -> None:
    session.execute(delete(Coverage).where(Coverage.track_id.in_(track_ids)))
    for table in (Correction, SentenceCorrection, Segment, Note, Summary, Failure):
        session.execute(delete(table).where(table.meeting_id == meeting_id))


def _show_another(deleted: Meeting, versions: Sequence[Meeting]) -> None:
    """Where *deleted* was shown, another of *versions* is: the newest that is finished, else the newest."""
    left = [each for each in versions if each is not deleted]
    if deleted.shown and left:
        deleted.shown = False
        max(left, key=lambda each: (each.state == MeetingState.FINISHED, each.version)).shown = True


def unfinished(session: Session) -> list[str]:
    """Meetings that somebody began to finish or to delete and did not: a draining one with a track that has no end."""
    open_track = exists().where(Track.meeting_id == Meeting.id, Track.closed_sample.is_(None))
    any_track = exists().where(Track.meeting_id == Meeting.id)
    left = or_(
        (Meeting.state == MeetingState.DRAINING) & open_track,
        (Meeting.state == MeetingState.DELETED) & any_track,
    )
    return list(session.scalars(select(Meeting.id).where(left)))
