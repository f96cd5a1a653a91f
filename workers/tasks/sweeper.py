"""The sweep: finds work in SQL that a crash left undone, and does it or sends its message again.

A worker commits first and sends a message afterwards. If it dies in between, the message is never sent, but the
committed rows show what is missing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from schema.core.errors import MailboxMissing, MinutebookError, Unavailable
from schema.core.queues import SPEAKERS_QUEUE
from schema.core.states import MeetingState, TrackKind
from schema.corrections.segments import quiet_key
from schema.fleet.orders import paused_queues
from schema.meetings.lifecycle import close_tracks, delete_meeting, end_transcription, finish_meeting, unfinished
from schema.meetings.tables import Meeting, Segment, Track
from schema.speakers.attendance import expect_listener, listener_is_absent, stop_listening
from schema.stores import Stores
from schema.uploads.lifecycle import fed_by_upload
from workers.corrections.carry_over import carry_over
from workers.tasks.failures import failed_summaries
from workers.tasks.summary_requests import SummaryRequests

log = logging.getLogger(__name__)

ASK_INTERVAL_MS = 30_000
"""Interval of summary requests for a live meeting with text that is not in a note yet."""
FAILED_INTERVAL_MS = 60_000
"""Interval of summary requests for a meeting whose summary failed for good and was not replayed."""
RESEND_S = 30.0
"""Audio that Redis has lost after the end of a meeting is given up when none of it comes again for this long."""


class Sweeper:
    def __init__(
        self,
        *,
        stores: Stores,
        summaries: SummaryRequests,
        idle_finish_s: float,
        backlog_limit_samples: int,
    ) -> None:
        self.stores = stores
        self.summaries = summaries
        self.idle_finish_s = idle_finish_s
        self.backlog_limit_samples = backlog_limit_samples

    def run(self) -> None:
        """Check all unfinished meetings. All repairs are conditional, so several sweeps may run at once."""
        with self.stores.database.read() as session:
            live = self._in_state(session, MeetingState.LIVE, ~fed_by_upload())
            draining = self._in_state(session, MeetingState.DRAINING)
            fed = set(self._in_state(session, MeetingState.DRAINING, fed_by_upload()))
            summarizing = self._in_state(session, MeetingState.SUMMARIZING)
            unlistened = self._waiting_for_listener(session)
            unread = self._with_unread_text(session)
            revised = self._revised(session)
            half_deleted = set(unfinished(session)) - set(draining)
            failed = failed_summaries(session)
        self._each(live, self._finish_if_idle)
        # An ingest worker closes the mailboxes of files, because it can fill them again if Redis has lost them.
        self._each([each for each in draining if each not in fed], self._close)
        self._each(draining, self._end_transcription)
        if unlistened and self._nobody_listens():
            self._each(unlistened, self._give_up_listening)
        self._each(half_deleted, self._delete)
        for meeting_ids, interval_ms in ((summarizing, 0), (unread, ASK_INTERVAL_MS), (self._quiet(revised), 0)):
            for meeting_id in meeting_ids:
                if not failed.get(meeting_id):
                    self.summaries.ask(meeting_id, FAILED_INTERVAL_MS if meeting_id in failed else interval_ms)

    def _nobody_listens(self) -> bool:
        """Whether the listener is gone. While its queue is paused, somebody means it to come back."""
        if SPEAKERS_QUEUE in paused_queues(self.stores.redis):
            expect_listener(self.stores.redis)
            return False
        return listener_is_absent(self.stores.redis)

    @staticmethod
    def _each(meeting_ids: Iterable[str], repair: Callable[[str], None]) -> None:
        """Repair each meeting. An error skips that meeting, but an unreachable server ends the sweep."""
        for meeting_id in meeting_ids:
            try:
                repair(meeting_id)
            except Unavailable:
                raise
            except MinutebookError as error:  # The meeting was deleted in the meantime, for example.
                log.warning("meeting %s cannot be swept: %s", meeting_id, error)

    def _close(self, meeting_id: str) -> None:
        lost = close_tracks(self.stores, meeting_id, self.backlog_limit_samples).lost
        if lost and self._is_idle(meeting_id, RESEND_S):
            log.warning("meeting %s: nobody sends the audio that Redis lost again; it is booked as missing", meeting_id)
            close_tracks(self.stores, meeting_id, self.backlog_limit_samples, give_up_lost=True)

    def _finish_if_idle(self, meeting_id: str) -> None:
        if self._is_idle(meeting_id, self.idle_finish_s):
            finish_meeting(self.stores, meeting_id, self.backlog_limit_samples)

    def _end_transcription(self, meeting_id: str) -> None:
        if end_transcription(self.stores, meeting_id, carry_over):
            self.summaries.ask(meeting_id)

    def _give_up_listening(self, meeting_id: str) -> None:
        """Go on without a listener: files would wait for it for ever, and minutes too."""
        log.warning("meeting %s: no listener works, so its speakers are not told apart from here on", meeting_id)
        for track_id in stop_listening(self.stores.database, meeting_id):
            self.stores.mailbox.unlisten(track_id)

    def _delete(self, meeting_id: str) -> None:
        delete_meeting(self.stores, meeting_id)

    def _is_idle(self, meeting_id: str, limit_s: float) -> bool:
        """Whether the meeting has received no audio for *limit_s*, by Redis's clock."""
        with self.stores.database.read() as session:
            tracks = session.scalars(select(Track).where(Track.meeting_id == meeting_id)).all()
        received = sum(self._received_sample(track) for track in tracks)
        now_s = self.stores.redis.time()[0]
        key = f"mb:idle:{meeting_id}"
        seen = self.stores.redis.hgetall(key)
        if int(seen.get(b"received", -1)) != received:
            with self.stores.redis.pipeline() as both:  # One transaction, so that no key stays without an expiry.
                both.hset(key, mapping={"received": received, "since_s": now_s})
                both.expire(key, int(self.idle_finish_s) * 2 + 3600)
                both.execute()
            return False
        return now_s - int(seen[b"since_s"]) >= limit_s

    def _received_sample(self, track: Track) -> int:
        try:
            return self.stores.mailbox.status(track.id).received_sample
        except MailboxMissing:  # The mailbox was not opened yet, or Redis has lost it.
            return track.committed_sample

    def _quiet(self, meeting_ids: list[str]) -> list[str]:
        """The meetings in which nobody made a correction within the last seconds."""
        keys = [quiet_key(meeting_id) for meeting_id in meeting_ids]
        set_lately = self.stores.redis.mget(keys) if keys else []
        return [each for each, busy in zip(meeting_ids, set_lately, strict=True) if busy is None]

    @staticmethod
    def _revised(session: Session) -> list[str]:
        """Meetings whose minutes have to be written again after a correction or on request.

        Meetings in state summarizing are left out, because their final minutes are about to be written anyway.
        """
        past = (MeetingState.SUMMARIZING, MeetingState.DELETED)
        return list(session.scalars(select(Meeting.id).where(Meeting.revised_seq > 0, Meeting.state.not_in(past))))

    @staticmethod
    def _in_state(session: Session, state: MeetingState, *further: ColumnElement[bool]) -> list[str]:
        return list(session.scalars(select(Meeting.id).where(Meeting.state == state, *further)))

    @staticmethod
    def _waiting_for_listener(session: Session) -> list[str]:
        """Meetings that cannot go on without a listener: those that drain, and files that are being read."""
        behind = or_(Meeting.state == MeetingState.DRAINING, (Meeting.state == MeetingState.LIVE) & fed_by_upload())
        return list(session.scalars(select(Meeting.id).where(Meeting.speakers.is_not(None), behind)))

    @staticmethod
    def _with_unread_text(session: Session) -> list[str]:
        unread = exists().where(Segment.meeting_id == Meeting.id, Segment.closed, Segment.note_id.is_(None))
        live = exists().where(Track.meeting_id == Meeting.id, Track.kind == TrackKind.LIVE)
        return list(session.scalars(select(Meeting.id).where(Meeting.state == MeetingState.LIVE, live, unread)))
