"""The step that everything turns on: claim due tracks, decode their windows as one batch, commit once, release."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from sqlalchemy.orm import Session

from schema.core import queues
from schema.core.errors import InvalidInput, MailboxMissing, MinutebookError, Unavailable
from schema.core.events import publish
from schema.mailbox import Claim, shard_of
from schema.meetings.lifecycle import end_transcription
from schema.stores import Stores
from workers.asr.engine import Engine
from workers.asr.hypothesis import Hypothesis, Window
from workers.asr.streaming.batch import reach_samples
from workers.asr.streaming.guard import Judgement, Verdict, transcribe_guarded
from workers.asr.streaming.policy import Policy
from workers.asr.streaming.stream import DEFAULTS, Outcome, StreamSettings
from workers.asr.streaming.track import StreamState
from workers.corrections.carry_over import carry_over
from workers.models.adapters import AdapterStore
from workers.tasks.failures import book_failure
from workers.tasks.summary_requests import Send, SummaryRequests
from workers.transcribe.audio import READ_LIMIT_SAMPLES, read_track
from workers.transcribe.file_budget import FileBudget, FilePace
from workers.transcribe.job import Job, of_the_moment, outcomes_of, planned, where_given_up, written
from workers.transcribe.leases import extended
from workers.transcribe.ledger import Committed, commit
from workers.transcribe.track_rows import TrackFacts, read_facts

log = logging.getLogger(__name__)

RUN_S = 10.0
"""How long one task works before it hands on, so that draining and control commands are not kept waiting."""
POLL_S = 0.05
RETRY_DELAY_MS = 1000
SUMMARIZE_INTERVAL_MS = 5000
"""New text of a meeting asks for a summary at most so often."""

REASON_LIMIT = 300
NO_WORDS = Hypothesis((), (), avg_logprob=0.0, no_speech_prob=0.0, compression_ratio=0.0)


@dataclass(frozen=True, slots=True)
class Pace:
    """How a transcriber works: `batch` windows a step at most, a live track every `step_interval_ms` at most."""

    batch: int
    step_interval_ms: int
    lease_ms: int
    attempts_limit: int
    files: FilePace = field(default_factory=FilePace)


class Transcriber:
    def __init__(
        self,
        *,
        name: str,
        model: str,
        engine: Engine,
        policy: Policy,
        stores: Stores,
        adapters: AdapterStore,
        send: Send,
        summaries: SummaryRequests,
        pace: Pace,
        stream: StreamSettings = DEFAULTS,
    ) -> None:
        self.name = name
        self.model = model
        self.engine = engine
        self.policy = policy
        self.stores = stores
        self.database, self.mailbox, self.redis = stores.database, stores.mailbox, stores.redis
        self.adapters = adapters
        self.send = send
        self.summaries = summaries
        self.pace = pace
        self.stream = stream
        self.file_budget = FileBudget(pace.files)
        self._began_s = 0.0

    def run(self, shard: int, run_s: float = RUN_S) -> bool:
        """Take steps until nothing is due soon or *run_s* are over; True when there is more to do."""
        ends_at = time.monotonic() + run_s
        while True:
            next_due_in_ms = self.step(shard)
            if next_due_in_ms is None or next_due_in_ms > self.pace.step_interval_ms:
                return False
            if time.monotonic() >= ends_at:
                return True
            time.sleep(min(next_due_in_ms / 1000, POLL_S))

    def step(self, shard: int) -> int | None:
        """One batch. Returns in how many ms the next track is due; None when none waits.

        When something on the way fails (database away, engine out of memory) every claim is given back to be tried
        again in a second, so nobody waits for a lease to end, and the error goes on to Celery.
        """
        claimed = self.mailbox.claim(self.name, self.pace.batch, self.pace.lease_ms, shard, fill=self.file_budget.fill)
        self.file_budget.note(claimed)
        if not claimed.tracks:
            return claimed.next_due_in_ms
        try:
            if claimed.more:
                self.send(queues.TRANSCRIBE, [str(shard)])
            with extended(self.mailbox, claimed.tracks, self.pace.lease_ms):
                self._work(claimed.tracks)
        except Unavailable as error:
            log.warning("%d tracks wait: %s", len(claimed.tracks), error)
            self._give_back(claimed.tracks, counted=False)
            raise
        except Exception:
            self._give_back(claimed.tracks, counted=True)
            raise
        return 0

    def _work(self, claims: Sequence[Claim]) -> None:
        self._began_s = time.monotonic()
        jobs = self._open(claims)
        read = self._decode([job for job in jobs if job.windows])
        self._settle([job for job in jobs if not job.windows or job.claim.track_id in read], read)

    def _decode(self, jobs: Sequence[Job]) -> dict[str, Outcome]:
        """Outcomes by track id. A window that makes the batch fail is found by decoding one by one, and given back."""
        if not jobs:
            return {}
        try:
            return outcomes_of(jobs, self._read, self.policy, self.stream)
        except Unavailable:
            raise
        except Exception as error:
            if len(jobs) == 1 and isinstance(error, InvalidInput):
                return {jobs[0].claim.track_id: self._refused(jobs[0], error)}
            if len(jobs) == 1:
                self._set_aside(jobs[0].claim)
                return {}
            log.warning("a batch of %s windows failed and is decoded one by one", len(jobs), exc_info=True)
            return {track_id: outcome for job in jobs for track_id, outcome in self._decode([job]).items()}

    def _refused(self, job: Job, error: InvalidInput) -> Outcome:
        """A window that the engine will never take, such as one in a language it does not know, fails at once."""
        log.error("meeting %s, track %s: %s", job.facts.meeting_id, job.facts.name, error)
        verdict = Verdict(Judgement.FAILED, error.detail[:REASON_LIMIT])
        return job.settled([[(NO_WORDS, verdict)] for _ in job.windows], self.policy, self.stream)

    def _read(self, windows: Sequence[Window]) -> list[tuple[Hypothesis, Verdict]]:
        adapters = {window.adapter for window in windows if window.adapter is not None}
        return transcribe_guarded(
            self.engine, [self._adapted(each, adapters) for each in windows], self.file_budget.lanes
        )

    def _adapted(self, window: Window, batch_adapters: Collection[str]) -> Window:
        """*window* with its adapter loaded. One that cannot be had costs accuracy, not the words."""
        if window.adapter is None or window.adapter in self.engine.adapters:
            return window
        load = partial(self.engine.load_adapter, keep=batch_adapters)
        return window if self.adapters.lend(window.adapter, load) else replace(window, adapter=None)

    def _open(self, claims: Sequence[Claim]) -> list[Job]:
        """Read and plan every claimed track; tracks of deleted meetings lose their mailbox."""
        jobs = []
        with self.database.read() as session:
            facts = read_facts(session, [claim.track_id for claim in claims])
            for claim in claims:
                if claim.track_id not in facts:
                    self.mailbox.forget(claim.track_id)
                    continue
                try:
                    jobs.append(self._planned(session, claim, facts[claim.track_id], claims))
                except MailboxMissing:  # deleted since the claim, or Redis lost it
                    continue
                except Unavailable:
                    raise
                except Exception:
                    self._set_aside(claim)
        return jobs

    def _planned(self, session: Session, claim: Claim, facts: TrackFacts, claims: Sequence[Claim]) -> Job:
        places = self.file_budget.windows(claim, claims)
        limit = reach_samples(places) if claim.kind == "batch" else READ_LIMIT_SAMPLES
        reading = read_track(session, self.mailbox, claim, facts, limit)
        return planned(claim, facts, reading, self.pace.attempts_limit, self.stream, places)

    def _settle(self, jobs: Sequence[Job], outcomes: dict[str, Outcome]) -> None:
        """Commit, release, and only then tell."""
        parts, states = [], {}
        for job in jobs:
            adapter = job.facts.adapter if job.facts.adapter in self.engine.adapters else None
            part, state = written(job, outcomes.get(job.claim.track_id), self.model, adapter)
            states[job.claim.track_id] = state
            if part is not None:
                parts.append(part)
        done = commit(self.database, parts) if parts else Committed()
        refused = {part.track_id for part in parts} - done.track_ids
        for job in jobs:
            if job.claim.track_id in refused:
                log.info("track %s: another worker had committed; this step is dropped", job.claim.track_id)
                self._give_back([job.claim], counted=False)
            else:
                self._release(job, states[job.claim.track_id], outcomes.get(job.claim.track_id))
        self._book([job for job in jobs if job.claim.track_id not in refused])
        self._tell(jobs, outcomes, done, refused)

    def _book(self, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if job.given_up is None:
                continue
            where = where_given_up(job, job.given_up)
            log.error("meeting %s, %s", job.facts.meeting_id, where)
            book_failure(
                self.database,
                queues.TRANSCRIBE,
                [str(shard_of(job.claim.track_id, self.mailbox.shards))],
                MinutebookError(where),
                job.claim.attempts - 1,
                meeting_id=job.facts.meeting_id,
            )

    def _release(self, job: Job, state: StreamState, outcome: Outcome | None) -> None:
        # What is read again waits like new audio: a model that skips it once more keeps nobody busy.
        left = job.leaves_speech(outcome)
        seen = state.committed_sample if left else job.seen_sample
        behind = seen < job.claim.received_sample and not left
        self.mailbox.release(
            job.claim.track_id,
            job.claim.epoch,
            committed_sample=state.committed_sample,
            keep_sample=state.window_first_sample,
            seen_sample=seen,
            state=json.dumps(state.dump(), separators=(",", ":")).encode(),
            delay_ms=0 if behind or job.claim.closed else self.pace.step_interval_ms,
            rest_ms=self.file_budget.rest_ms(time.monotonic() - self._began_s),
        )

    def _set_aside(self, claim: Claim) -> None:
        """Let the others of the batch go on without the track behind the exception being handled."""
        log.exception("track %s: this step failed", claim.track_id)
        self._give_back([claim], counted=True)

    def _give_back(self, claims: Sequence[Claim], *, counted: bool) -> None:
        """Have the tracks claimed again in a moment. A database that is away is no fault of theirs: not *counted*."""
        for claim in claims:
            try:
                self.mailbox.release(
                    claim.track_id,
                    claim.epoch,
                    committed_sample=claim.committed_sample,
                    keep_sample=0,
                    # Whatever there is counts as unseen, so that the track is due again in any case.
                    seen_sample=-1,
                    state=claim.state,
                    delay_ms=RETRY_DELAY_MS,
                    retry=counted,
                )
            except MinutebookError as error:
                # Redis is away. Raised here, this would hide what made the step fail.
                log.warning("claim of track %s not given back; its lease ends by itself: %s", claim.track_id, error)

    def _tell(self, jobs: Sequence[Job], outcomes: dict[str, Outcome], done: Committed, refused: set[str]) -> None:
        events = done.events
        for job in jobs:
            track_id = job.claim.track_id
            if track_id in refused:
                continue
            events.setdefault(job.facts.meeting_id, []).extend(of_the_moment(job, outcomes.get(track_id)))
        for meeting_id, told in events.items():
            publish(self.redis, meeting_id, told)
        files = {job.facts.meeting_id for job in jobs if job.claim.kind == "batch"}
        for meeting_id, words in done.closed_words.items():
            if words and meeting_id not in files:  # a file's minutes are made once, when all of its text is there
                self.summaries.ask(meeting_id, SUMMARIZE_INTERVAL_MS)
        for meeting_id in {job.facts.meeting_id for job in jobs if job.claim.closed}:
            if end_transcription(self.stores, meeting_id, carry_over):
                self.summaries.ask(meeting_id)
