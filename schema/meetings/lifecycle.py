"""The life cycle of a meeting: all moves between its states, in SQL and Redis.

    live ──finish──► draining ──summarize──► summarizing ──complete──► finished
    draining ──reopen──► live, if Redis has lost audio that is still in a file
    any of these ──delete──► deleted

`MeetingMove` says who makes each move. A move is a conditional update: when two processes attempt the same move, one of
them makes it.

SQL and Redis share no transaction. A function that changes both therefore writes its intention to SQL first, and may be
called again at any time. Another call completes the work that a crash interrupted. The sweep makes that call for each
meeting that `unfinished` lists.

If Redis has lost audio of a draining meeting, its track is open for that audio again, until the sweep gives it up.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import ColumnElement, Update, delete, exists, or_, select, update
from sqlalchemy.orm import Session

from schema.core.errors import Conflict, Gone, NotFound
from schema.core.events import Event, publish
from schema.core.states import MeetingMove, MeetingState, TrackKind, WebhookEvent
from schema.core.tables import at_least, now
from schema.corrections.segments import Correction
from schema.corrections.sentences import SentenceCorrection
from schema.mailbox import Mailbox, Status, shard_of
from schema.meetings.locks import advance_seq, lock_tracks, lock_versions
from schema.meetings.tables import Coverage, Failure, Meeting, Note, Segment, Summary, Track
from schema.meetings.views import segment_event
from schema.off_record.passages import OffRecord
from schema.speakers.tables import Person, VoiceUnit
from schema.stores import Stores
from schema.typed_notes.notes import TypedNote
from schema.webhooks.outbox import announce

MOVES: dict[MeetingMove, tuple[frozenset[MeetingState], MeetingState]] = {
    MeetingMove.FINISH: (frozenset({MeetingState.LIVE}), MeetingState.DRAINING),
    MeetingMove.REOPEN: (frozenset({MeetingState.DRAINING}), MeetingState.LIVE),
    MeetingMove.SUMMARIZE: (frozenset({MeetingState.DRAINING}), MeetingState.SUMMARIZING),
    MeetingMove.COMPLETE: (frozenset({MeetingState.SUMMARIZING}), MeetingState.FINISHED),
    MeetingMove.DELETE: (frozenset(MeetingState), MeetingState.DELETED),
}
"""The states that a move starts from, and the state that it leads to. A deleted meeting may be deleted again."""

EMPTIED: dict[str, object] = {
    **{"title": "", "title_from": None, "vocabulary": [], "tus_metadata": None},
    **{"participants": [], "agenda": [], "minutes_language": None, "template": None},
    **{"recorded_at": None, "recorded_offset_s": None, "recorded_from": None},
}
"""What is left of a deleted meeting's description."""

NOTHING_KNOWN: Mapping[str, int] = MappingProxyType({})

CarryOver = Callable[[Session, Meeting], list[Event]]
"""Copies the corrections of the version that a meeting was made from. Returns the events of the changed segments."""


@dataclass(frozen=True, slots=True)
class Finished:
    """The meeting's state. `shards` hold its draining tracks, and a worker has to be woken for each of them.

    `lost` has the ids of the tracks that are open, because Redis has lost audio of theirs that was not committed.
    """

    state: MeetingState
    shards: frozenset[int] = frozenset()
    lost: frozenset[str] = frozenset()


def finish_meeting(
    stores: Stores, meeting_id: str, backlog_limit_samples: int, received: Mapping[str, int] = NOTHING_KNOWN
) -> Finished:
    """Accept no more audio: move the meeting from live to draining, and close its tracks with `close_tracks`.

    A meeting that is past draining does not change. Raises NotFound, Gone, Unavailable.
    """
    with stores.database.write() as session:
        # The move does nothing unless the meeting is live. Finishing a meeting twice is not an error.
        moved = _move(session, meeting_id, MeetingMove.FINISH, finished_at=now())
        meeting = session.get(Meeting, meeting_id)
        if meeting is None:
            raise NotFound(f"meeting '{meeting_id}' does not exist; 'GET /v1/meetings' lists all meetings")
        state = MeetingState(meeting.state)
    if state == MeetingState.DELETED:
        raise Gone(f"meeting '{meeting_id}' was deleted")
    finished = close_tracks(stores, meeting_id, backlog_limit_samples, received)
    if moved is not None:
        publish(stores.redis, meeting_id, [_state_event(state)])
    return finished


def close_tracks(
    stores: Stores,
    meeting_id: str,
    backlog_limit_samples: int,
    received: Mapping[str, int] = NOTHING_KNOWN,
    *,
    give_up_lost: bool = False,
) -> Finished:
    """Close the mailboxes of a draining meeting and store their ends in SQL. Any other meeting does not change.

    SQL knows how far a track had been received at its last commit, or at its close. *received* may know of more, by
    track id. If Redis has lost some of this audio, the track is open for it again, and is closed by the first call that
    finds all of it. With *give_up_lost* the track is closed now, and the lost audio is booked as missing.

    Raises Unavailable.
    """
    with stores.database.read() as session:
        state = MeetingState(session.get_one(Meeting, meeting_id).state)
        chosen = select(Track).where(Track.meeting_id == meeting_id).order_by(Track.id)
        tracks = session.scalars(chosen).all()
    if state != MeetingState.DRAINING:
        return Finished(state)
    known = {track.id: max(track.closed_sample or track.received_sample, received.get(track.id, 0)) for track in tracks}
    # A closed mailbox refuses audio, so its end is final. After a crash, another call gets the same end.
    ends = {
        track.id: _close(stores.mailbox, track, backlog_limit_samples, 0 if give_up_lost else known[track.id])
        for track in tracks
    }
    with stores.database.write() as session:
        for track_id, end in ends.items():  # Workers lock in this order too; see `schema.meetings.locks`.
            if end is None:
                session.execute(_open_again(meeting_id, track_id, known[track_id]))
            else:
                unset = update(Track).where(Track.id == track_id, Track.closed_sample.is_(None))
                session.execute(unset.values(closed_sample=end))
    shards = frozenset(shard_of(track_id, stores.mailbox.shards) for track_id in ends)
    return Finished(state, shards, frozenset(track_id for track_id, end in ends.items() if end is None))


def _close(mailbox: Mailbox, track: Track, backlog_limit_samples: int, needed_sample: int) -> int | None:
    """Close a track's mailbox and return the sample at which the audio ends.

    If Redis has lost the mailbox, it is opened again first. A mailbox that lacks audio before *needed_sample* stays
    open, and this returns None. All that SQL knows of and the mailbox lacks is booked as missing.
    """
    status = _open(mailbox, track, backlog_limit_samples)
    if status.received_sample < needed_sample:
        if status.closed:
            mailbox.forget(track.id)
            _open(mailbox, track, backlog_limit_samples)
        return None
    end = track.closed_sample or max(track.received_sample, status.received_sample)
    return mailbox.close(track.id, end).received_sample


def _open(mailbox: Mailbox, track: Track, backlog_limit_samples: int) -> Status:
    return mailbox.open(
        track.id,
        committed_sample=track.committed_sample,
        epoch=track.epoch,
        backlog_limit_samples=backlog_limit_samples,
        kind=TrackKind(track.kind),
        heard=track.heard,
    )


def _open_again(meeting_id: str, track_id: str, received_sample: int) -> Update:
    """Notes that the track is open for audio that Redis has lost. Nothing is lost if a worker still had the audio."""
    draining = exists().where(Meeting.id == meeting_id, Meeting.state == MeetingState.DRAINING)
    chosen = update(Track).where(Track.id == track_id, Track.committed_sample < received_sample, draining)
    return chosen.values(closed_sample=None, received_sample=at_least(Track.received_sample, received_sample))


def reopen_meeting(session: Session, meeting_id: str) -> list[Event]:
    """Accept audio again in a meeting that is draining. Returns the events to publish after the commit.

    The list is empty if nothing was changed, because the meeting is not draining or all of it is transcribed.
    """
    lock_tracks(session, meeting_id)
    moved = _move(session, meeting_id, MeetingMove.REOPEN, _has_open_track(meeting_id), finished_at=None)
    if moved is None:
        return []
    session.execute(update(Track).where(Track.meeting_id == meeting_id).values(closed_sample=None))
    return [_state_event(MeetingState.LIVE)]


def _has_open_track(meeting_id: str) -> ColumnElement[bool]:
    """SQL condition: a track of the meeting is not closed, or not committed to its end."""
    is_open = or_(Track.closed_sample.is_(None), Track.committed_sample < Track.closed_sample)
    return exists().where(Track.meeting_id == meeting_id, is_open)


def end_transcription(stores: Stores, meeting_id: str, carry_over: CarryOver) -> bool:
    """Move the meeting from draining to summarizing, if every track is closed and committed to its end.

    If its speakers are told apart, that has to be settled too, because minutes name them.

    Audio may be committed to its end before the end is known, as after a flush. Then the track's last segment still
    waits for more words, so it is closed here: minutes are written from closed segments. *carry_over* runs in the same
    transaction, so the minutes are always written from the corrected transcript. Returns True when this call made the
    move.
    """
    with stores.database.write() as session:
        lock_tracks(session, meeting_id)
        settled = or_(Meeting.speakers.is_(None), Meeting.people_settled)
        moved = _move(session, meeting_id, MeetingMove.SUMMARIZE, ~_has_open_track(meeting_id), settled)
        if moved is None:
            return False
        closed = _close_segments(session, meeting_id)
        carried = carry_over(session, moved)
    publish(stores.redis, meeting_id, [*closed, *carried, _state_event(MeetingState.SUMMARIZING)])
    return True


def _close_segments(session: Session, meeting_id: str) -> list[Event]:
    opened = select(Segment, Track.name).join(Track).where(Segment.meeting_id == meeting_id, Segment.closed.is_(False))
    events = []
    for segment, track in session.execute(opened.order_by(Segment.id)):
        segment.closed, segment.seq = True, advance_seq(session, meeting_id, 1)
        session.flush()
        events.append(segment_event(segment, track))
    return events


def complete_meeting(session: Session, meeting: Meeting, versions: Sequence[Meeting]) -> Event:
    """Finish *meeting* and make it the one of its *versions* that is shown. The caller has locked all of them.

    Call this in the transaction that writes the first final minutes: the state, the minutes and the webhook message are
    then committed together. Raises Conflict for a meeting that is not summarizing.
    """
    if _move(session, meeting.id, MeetingMove.COMPLETE) is None:
        raise Conflict(
            f"meeting '{meeting.id}' is {meeting.state}; its final minutes are written once it is fully transcribed",
            state=meeting.state,
        )
    for each in versions:
        each.shown = each is meeting
    announce(session, meeting.owner, WebhookEvent.MEETING_FINISHED, {"meeting_id": meeting.id})
    return _state_event(MeetingState.FINISHED)


def _state_event(state: MeetingState) -> Event:
    return Event("state", {"state": state.value})


def delete_meeting(stores: Stores, meeting_id: str) -> None:
    """Delete a meeting's content. An empty meeting in state deleted remains. A second call completes a crashed one.

    The rows of the tracks are deleted last: without them nobody could find a mailbox that still exists in Redis.
    Raises NotFound, Unavailable.
    """
    with stores.database.write() as session:
        track_ids = lock_tracks(session, meeting_id)
        versions = lock_versions(session, meeting_id)
        meeting = _move(session, meeting_id, MeetingMove.DELETE, **EMPTIED)
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
    """Make *move* and set *values* in other columns. None when the meeting's state or *further* forbids the move."""
    before, after = MOVES[move]
    chosen = update(Meeting).where(Meeting.id == meeting_id, Meeting.state.in_(before), *further)
    moved = chosen.values(state=after, **values).returning(Meeting)
    return session.scalar(moved.execution_options(populate_existing=True))


def _delete_content(session: Session, meeting_id: str, track_ids: Sequence[str]) -> None:
    session.execute(delete(Coverage).where(Coverage.track_id.in_(track_ids)))
    for table in (
        Correction,
        SentenceCorrection,
        TypedNote,
        OffRecord,
        VoiceUnit,
        Person,
        Segment,
        Note,
        Summary,
        Failure,
    ):
        session.execute(delete(table).where(table.meeting_id == meeting_id))


def _show_another(deleted: Meeting, versions: Sequence[Meeting]) -> None:
    """If *deleted* was the shown version, show the newest finished one of *versions*, or else the newest one."""
    left = [each for each in versions if each is not deleted]
    if deleted.shown and left:
        deleted.shown = False
        max(left, key=lambda each: (each.state == MeetingState.FINISHED, each.version)).shown = True


def unfinished(session: Session) -> list[str]:
    """Meetings whose finish or deletion was interrupted: a track without an end, or a deleted meeting with tracks."""
    open_track = exists().where(Track.meeting_id == Meeting.id, Track.closed_sample.is_(None))
    any_track = exists().where(Track.meeting_id == Meeting.id)
    left = or_(
        (Meeting.state == MeetingState.DRAINING) & open_track,
        (Meeting.state == MeetingState.DELETED) & any_track,
    )
    return list(session.scalars(select(Meeting.id).where(left)))
