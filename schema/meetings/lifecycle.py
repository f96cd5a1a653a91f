"""The life of a meeting: every move between its states, over SQL and Redis together.

    live ──finish──► draining ──summarize──► summarizing ──complete──► finished
    any of these ──delete──► deleted

`MeetingMove` says who makes each move. A move is a conditional update, so that of two at once only one happens.

SQL and Redis cannot be one transaction. So what also changes Redis writes its intention to SQL first and may be called
again at any time: a call completes whatever a crash left undone. The worker's sweep calls for what `unfinished` lists.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from schema.core.errors import Conflict, Gone, NotFound
from schema.core.events import Event, publish
from schema.core.states import MeetingMove, MeetingState, TrackKind
from schema.core.tables import now
from schema.corrections.segments import Correction
from schema.corrections.sentences import SentenceCorrection
from schema.mailbox import Mailbox, shard_of
from schema.meetings.locks import lock_tracks, lock_versions
from schema.meetings.tables import Coverage, Failure, Meeting, Note, Segment, Summary, Track
from schema.stores import Stores
from schema.webhooks.outbox import WebhookEvent, announce

MOVES: dict[MeetingMove, tuple[frozenset[MeetingState], MeetingState]] = {
    MeetingMove.FINISH: (frozenset({MeetingState.LIVE}), MeetingState.DRAINING),
    MeetingMove.SUMMARIZE: (frozenset({MeetingState.DRAINING}), MeetingState.SUMMARIZING),
    MeetingMove.COMPLETE: (frozenset({MeetingState.SUMMARIZING}), MeetingState.FINISHED),
    MeetingMove.DELETE: (frozenset(MeetingState), MeetingState.DELETED),
}
"""The states that a move leads from, and the one that it leads to. What is deleted may be deleted again."""

CarryOver = Callable[[Session, Meeting], list[Event]]
"""Bring over what people corrected in the version that a meeting was made from; returns the events of what changed."""


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
        moved = _move(session, meeting_id, MeetingMove.FINISH, finished_at=now())
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
    if moved is not None:
        publish(stores.redis, meeting_id, [_state_event(state)])
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
        kind=TrackKind(track.kind),
    )
    end = track.closed_sample or max(track.received_sample, status.received_sample)
    return mailbox.close(track.id, end).received_sample


def end_transcription(stores: Stores, meeting_id: str, carry_over: CarryOver) -> bool:
    """The meeting goes from draining to summarizing once every track is closed and committed to its end.

    *carry_over* works in the same transaction, before there are minutes. True when this call made the move.
    """
    is_open = or_(Track.closed_sample.is_(None), Track.committed_sample < Track.closed_sample)
    open_track = exists().where(Track.meeting_id == meeting_id, is_open)
    with stores.database.write() as session:
        moved = _move(session, meeting_id, MeetingMove.SUMMARIZE, ~open_track)
        if moved is None:
            return False
        carried = carry_over(session, moved)
    publish(stores.redis, meeting_id, [*carried, _state_event(MeetingState.SUMMARIZING)])
    return True


def complete_meeting(session: Session, meeting: Meeting, versions: Sequence[Meeting]) -> Event:
    """*meeting* is finished, and the one of its *versions* that is shown. All of them are locked by the caller.

    Call it in the transaction that writes the first final minutes. Raises Conflict for one that is not summarizing.
    """
    if _move(session, meeting.id, MeetingMove.COMPLETE) is None:
        raise Conflict(
            f"meeting '{meeting.id}' is {meeting.state}; its final minutes are written once all of it is transcribed",
            state=meeting.state,
        )
    for each in versions:
        each.shown = each is meeting
    announce(session, meeting.owner, WebhookEvent.MEETING_FINISHED, {"meeting_id": meeting.id})
    return _state_event(MeetingState.FINISHED)


def _state_event(state: MeetingState) -> Event:
    return Event("state", {"state": state.value})


def delete_meeting(stores: Stores, meeting_id: str) -> None:
    """Leave a tombstone: an empty meeting in state deleted. Deleting it again completes what was left undone.

    The tracks go last, so that as long as there is a mailbox somebody knows of it. Raises NotFound, Unavailable.
    """
    with stores.database.write() as session:
        track_ids = lock_tracks(session, meeting_id)
        versions = lock_versions(session, meeting_id)
        meeting = _move(session, meeting_id, MeetingMove.DELETE, title="", vocabulary=[])
        if meeting is None:
            raise NotFound(f"meeting '{meeting_id}' does not exist; there is nothing to delete")
        _delete_content(session, meeting_id, track_ids)
        _show_another(meeting, versions)
    for track_id in track_ids:
        stores.mailbox.forget(track_id)
    with stores.database.write() as session:
        lock_tracks(session, meeting_id)
        session.execute(delete(Track).where(Track.id.in_(track_ids)))
    publish(stores.redis, meeting_id, [_state_event(MeetingState.DELETED)])


def _move(
    session: Session, meeting_id: str, move: MeetingMove, *further: ColumnElement[bool], **values: object
) -> Meeting | None:
    """Make *move*, with *values* for other columns. None when the meeting's state or *further* does not allow it."""
    before, after = MOVES[move]
    chosen = update(Meeting).where(Meeting.id == meeting_id, Meeting.state.in_(before), *further)
    moved = chosen.values(state=after, **values).returning(Meeting)
    return session.scalar(moved.execution_options(populate_existing=True))


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
