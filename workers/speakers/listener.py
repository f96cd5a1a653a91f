"""The listener's step: claim a track, find units in its audio, commit them with their labels, release.

It reads the same mailboxes as transcription, at its own pace, and never holds up a commit.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

import numpy as np
from sqlalchemy import select

from schema.core import queues
from schema.core.errors import AudioTrimmed, MailboxMissing, MinutebookError, Unavailable
from schema.core.events import publish
from schema.core.states import MeetingState, TrackKind
from schema.mailbox import ListenerClaim, shard_of
from schema.meetings.lifecycle import end_transcription
from schema.meetings.tables import Meeting, Track
from schema.speakers.attendance import note_listener
from schema.stores import Stores
from workers.corrections.carry_over import carry_over
from workers.speakers.engine import WINDOWS_AT_ONCE, HeardUnit, TrackSamples, VoiceEngine
from workers.speakers.ledger import HeardCommit, Trackers, commit_heard
from workers.speakers.settling import settle_people, unsettled
from workers.speakers.units import keeps_from, next_windows
from workers.tasks.failures import book_failure
from workers.tasks.monitoring import report_work
from workers.tasks.summary_requests import SummaryRequests

log = logging.getLogger(__name__)

RUN_S = 10.0
RETRY_DELAY_MS = 1000
LATELY_S = 20.0
TRACKS_PER_WINDOW = 2
LOST_REASON = "the audio left the mailbox before it was listened to"


@dataclass(frozen=True, slots=True)
class ListenedTrack:
    """What SQL knows of a claimed track."""

    meeting_id: str
    name: str
    heard_sample: int
    heard_epoch: int


class Listener:
    def __init__(
        self, *, engine: VoiceEngine, stores: Stores, summaries: SummaryRequests, lease_ms: int, attempts_limit: int
    ) -> None:
        self.engine = engine
        self.stores = stores
        self.summaries = summaries
        self.lease_ms = lease_ms
        self.attempts_limit = attempts_limit
        self.trackers = Trackers(engine.model)
        self._listened_s: dict[str, float] = {}
        """When a live track was listened to last."""

    def run(self, shard: int, run_s: float = RUN_S) -> None:
        """Listen until no track of *shard* waits or *run_s* seconds have passed. Settle meetings that have ended."""
        ends_at = time.monotonic() + run_s
        note_listener(self.stores.redis)
        while self.step(shard) and time.monotonic() < ends_at:
            note_listener(self.stores.redis)
        self.settle()

    def settle(self) -> None:
        """Settle the people of every meeting that is transcribed and heard to its end, and go on to its minutes."""
        with self.stores.database.read() as session:
            waiting = unsettled(session)
        for meeting_id in waiting:
            report_work([meeting_id])
            publish(self.stores.redis, meeting_id, settle_people(self.stores.database, meeting_id))
            if end_transcription(self.stores, meeting_id, carry_over):
                self.summaries.ask(meeting_id)

    def step(self, shard: int) -> bool:
        """Take one step. Returns whether there was anything to do."""
        claim = self.stores.mailbox.listen(shard, self.lease_ms)
        if claim is None:
            return False
        try:
            self._work(claim)
        except MailboxMissing:  # deleted since the claim, or Redis lost it
            return True
        except Unavailable:
            self._retry(claim)
            raise
        except Exception as error:
            log.exception("track %s: this step of the listener failed", claim.track_id)
            self._retry(claim, error)
        return True

    def _work(self, claim: ListenerClaim) -> None:
        track = self._track(claim.track_id)
        if track is None:
            self.stores.mailbox.unlisten(claim.track_id)
            return
        report_work([track.meeting_id])
        part = self._heard(claim, track)
        heard = track.heard_sample
        if part is not None:
            events = commit_heard(self.stores.database, part, self.trackers)
            if events is None:
                log.info("track %s: another listener was faster; this step is dropped", claim.track_id)
                self._retry(claim)
                return
            heard = part.new_sample
            publish(self.stores.redis, track.meeting_id, events)
        self._release(claim, heard)

    def _track(self, track_id: str) -> ListenedTrack | None:
        """None if the track was deleted, or nobody listens to it."""
        wanted = select(Track.meeting_id, Track.name, Track.heard_sample, Track.heard_epoch).join(
            Meeting, Meeting.id == Track.meeting_id
        )
        with self.stores.database.read() as session:
            row = session.execute(wanted.where(Track.id == track_id, Meeting.state != MeetingState.DELETED)).first()
        if row is None or row.heard_sample is None:
            return None
        return ListenedTrack(row.meeting_id, row.name, row.heard_sample, row.heard_epoch)

    def _heard(self, claim: ListenerClaim, track: ListenedTrack) -> HeardCommit | None:
        """What to commit. None if not enough audio has come."""
        settled, received = track.heard_sample, claim.received_sample
        windows = next_windows(settled, received, claim.closed, WINDOWS_AT_ONCE)
        if not windows:
            return None
        if claim.attempts > self.attempts_limit:
            return self._given_up(claim, track, windows[0].settles_sample)
        first, end = windows[0].first_sample, windows[-1].end_sample
        try:
            audio = self._read(claim.track_id, first, end)
        except AudioTrimmed as error:
            first = min(int(str(error.facts["first_sample"])), received)
            if first > settled:
                return self._commit(claim, track, first, unheard=(settled, first, LOST_REASON))
            audio = self._read(claim.track_id, first, end)
        if gap := first - windows[0].first_sample:  # The context of the first window is gone. Silence takes its place.
            audio = np.concatenate([np.zeros(gap, np.int16), audio])
        units, settled = self.engine.hear(audio, windows[0].first_sample, windows, settled)
        return self._commit(claim, track, settled, units)

    def _read(self, track_id: str, first_sample: int, end_sample: int) -> TrackSamples:
        """The audio of [first_sample, end_sample). What the producer lost is silent."""
        pieces = self.stores.mailbox.read(track_id, first_sample, end_sample - first_sample)
        parts = [each.pcm or bytes(2 * (each.end_sample - each.first_sample)) for each in pieces]
        return np.frombuffer(b"".join(parts), dtype="<i2").astype(np.int16)

    def _commit(
        self,
        claim: ListenerClaim,
        track: ListenedTrack,
        new_sample: int,
        units: list[HeardUnit] | None = None,
        unheard: tuple[int, int, str] | None = None,
    ) -> HeardCommit:
        return HeardCommit(
            meeting_id=track.meeting_id,
            track_id=claim.track_id,
            old_epoch=track.heard_epoch,
            epoch=claim.epoch,
            old_sample=track.heard_sample,
            new_sample=new_sample,
            units=units or (),
            unheard=unheard,
        )

    def _given_up(self, claim: ListenerClaim, track: ListenedTrack, end_sample: int) -> HeardCommit:
        """Leave out audio on which one listener after another failed or died, so that the rest of the track goes on."""
        reason = f"not listened to in {claim.attempts - 1} attempts"
        log.error("meeting %s, track %s: %s", track.meeting_id, track.name, reason)
        book_failure(
            self.stores.database,
            queues.LISTEN,
            [str(shard_of(claim.track_id, self.stores.mailbox.shards))],
            MinutebookError(f"track {track.name}: {reason}"),
            claim.attempts - 1,
            meeting_id=track.meeting_id,
        )
        return self._commit(claim, track, end_sample, unheard=(track.heard_sample, end_sample, reason))

    def _release(self, claim: ListenerClaim, heard_sample: int) -> None:
        # How much audio the next windows need is asked of an endless track.
        upcoming = next_windows(heard_sample, 1 << 62, False, self._windows_of_a_step(claim))[-1]
        self.stores.mailbox.heard(
            claim.track_id,
            claim.epoch,
            heard_sample=heard_sample,
            keep_sample=keeps_from(heard_sample),
            next_sample=upcoming.end_sample,
            delay_ms=0 if claim.kind == TrackKind.LIVE else 1,
        )

    def _windows_of_a_step(self, claim: ListenerClaim) -> int:
        """For how many windows a track waits. With many live tracks, steps are rare, so that they cost less in all."""
        now_s = time.monotonic()
        if claim.kind == TrackKind.LIVE:
            self._listened_s[claim.track_id] = now_s
        self._listened_s = {each: at_s for each, at_s in self._listened_s.items() if at_s > now_s - LATELY_S}
        return min(WINDOWS_AT_ONCE, max(1, len(self._listened_s) // TRACKS_PER_WINDOW))

    def _retry(self, claim: ListenerClaim, error: Exception | None = None) -> None:
        """Make the track due again in a moment. With *error*, this counts as a failed attempt."""
        try:
            self.stores.mailbox.heard(
                claim.track_id,
                claim.epoch,
                heard_sample=0,
                keep_sample=keeps_from(claim.heard_sample),
                next_sample=0,
                delay_ms=RETRY_DELAY_MS,
                retry=error is not None,
            )
        except MinutebookError as problem:  # Redis is unavailable. Its error would hide why the step failed.
            log.warning(
                "listener's claim of track %s not given back; its lease will expire: %s", claim.track_id, problem
            )
