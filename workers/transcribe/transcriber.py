"""The worker's step: claim due tracks, decode their windows as one batch, commit once, release."""

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
from schema.core.states import TrackKind
from schema.mailbox import Claim, shard_of
from schema.meetings.lifecycle import end_transcription
from schema.stores import Stores
from workers.asr.engine import Engine
from workers.asr.hypothesis import Hypothesis, Window
from workers.asr.streaming.batch import reach_samples
from workers.asr.streaming.guard import JudgedHypothesis, Judgement, Verdict, transcribe_guarded
from workers.asr.streaming.policy import Policy
from workers.asr.streaming.stream import DEFAULTS, StepOutcome, StreamSettings
from workers.asr.streaming.track import StreamState
from workers.corrections.carry_over import carry_over
from workers.kept_audio.keeper import AudioKeeper
from workers.metrics.metrics import metrics
from workers.models.adapters import AdapterStore
from workers.tasks.failures import book_failure
from workers.tasks.monitoring import report_work
from workers.tasks.summary_requests import Send, SummaryRequests
from workers.transcribe.audio import READ_LIMIT_SAMPLES, read_track
from workers.transcribe.file import decode_together
from workers.transcribe.file_budget import FileBudget, FilePace
from workers.transcribe.file_step import plan_file
from workers.transcribe.leases import extended
from workers.transcribe.ledger import Committed, commit
from workers.transcribe.live_step import plan_live
from workers.transcribe.step import TrackStep, commit_of, give_up, momentary_events, where_given_up
from workers.transcribe.step_metrics import count_commits, count_step
from workers.transcribe.track_rows import TrackFacts, read_facts

log = logging.getLogger(__name__)

RUN_S = 10.0
"""A task ends after this long and sends itself again, so that draining and control commands do not wait."""
POLL_S = 0.05
RETRY_DELAY_MS = 1000
SUMMARIZE_INTERVAL_MS = 5000
"""New text of a meeting requests a summary at most this often."""

REASON_LIMIT = 300
NO_WORDS = Hypothesis((), (), avg_logprob=0.0, no_speech_prob=0.0, compression_ratio=0.0)


@dataclass(frozen=True, slots=True)
class Pace:
    """Limits of a transcriber: `batch` tracks per step, and one step of a live track every `step_interval_ms`."""

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
        audio_keeper: AudioKeeper,
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
        self.audio_keeper = audio_keeper
        self.stream = stream
        self.file_budget = FileBudget(pace.files)
        self._began_s = 0.0

    def run(self, shard: int, run_s: float = RUN_S) -> bool:
        """Take steps until nothing is due soon or *run_s* seconds have passed. Returns whether there is more to do."""
        ends_at = time.monotonic() + run_s
        while True:
            next_due_in_ms = self.step(shard)
            if next_due_in_ms is None or next_due_in_ms > self.pace.step_interval_ms:
                return False
            if time.monotonic() >= ends_at:
                return True
            time.sleep(min(next_due_in_ms / 1000, POLL_S))

    def step(self, shard: int) -> int | None:
        """Take one step. Returns the time in ms until the next track is due, or None if no track waits.

        If the step fails (database unavailable, engine out of memory), every claim is given back and tried again in a
        second, so that no track waits for its lease to end. The error goes on to Celery.
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
        steps = self._open(claims)
        outcomes = {step.track_id: step.settled([]) for step in steps if not step.windows}
        outcomes |= self._decode([step for step in steps if step.windows])
        self.file_budget.note_step(sum(len(step.windows) for step in steps), time.monotonic() - self._began_s)
        self._settle([step for step in steps if step.track_id in outcomes], outcomes)

    def _decode(self, steps: Sequence[TrackStep]) -> dict[str, StepOutcome]:
        """Outcomes by track id. If the batch fails, steps are decoded one by one, and a failing one is given back."""
        try:
            outcomes = decode_together(steps, self._read)
            return {step.track_id: outcome for step, outcome in zip(steps, outcomes, strict=True)}
        except Unavailable:
            raise
        except Exception as error:
            if len(steps) == 1 and isinstance(error, InvalidInput):
                return {steps[0].track_id: self._refused(steps[0], error)}
            if len(steps) == 1:
                self._set_aside(steps[0].claim)
                return {}
            log.warning("a batch of %s tracks failed; they are decoded one by one", len(steps), exc_info=True)
            return {track_id: outcome for step in steps for track_id, outcome in self._decode([step]).items()}

    def _refused(self, step: TrackStep, error: InvalidInput) -> StepOutcome:
        """Fail a step at once if the engine can never decode it, for example in a language that it does not know."""
        log.error("meeting %s, track %s: %s", step.facts.meeting_id, step.facts.name, error)
        verdict = Verdict(Judgement.FAILED, error.detail[:REASON_LIMIT])
        return step.settled([(NO_WORDS, verdict)] * len(step.windows))

    def _read(self, windows: Sequence[Window]) -> list[JudgedHypothesis]:
        adapters = {window.adapter for window in windows if window.adapter is not None}
        return transcribe_guarded(
            self.engine, [self._adapted(each, adapters) for each in windows], self.file_budget.lanes
        )

    def _adapted(self, window: Window, batch_adapters: Collection[str]) -> Window:
        """*window* with its adapter loaded, or without an adapter. Without it words are less accurate, but not lost."""
        if window.adapter is None or window.adapter in self.engine.adapters:
            return window
        load = partial(self.engine.load_adapter, keep=batch_adapters)
        return window if self.adapters.lend(window.adapter, load) else replace(window, adapter=None)

    def _open(self, claims: Sequence[Claim]) -> list[TrackStep]:
        """Read and plan every claimed track. Tracks of deleted meetings lose their mailbox."""
        steps = []
        with self.database.read() as session:
            facts = read_facts(session, [claim.track_id for claim in claims])
            report_work(each.meeting_id for each in facts.values())
            for claim in claims:
                if claim.track_id not in facts:
                    self.mailbox.forget(claim.track_id)
                    continue
                try:
                    steps.append(self._planned(session, claim, facts[claim.track_id], claims))
                except MailboxMissing:  # deleted since the claim, or Redis lost it
                    continue
                except Unavailable:
                    raise
                except Exception:
                    self._set_aside(claim)
        return steps

    def _planned(self, session: Session, claim: Claim, facts: TrackFacts, claims: Sequence[Claim]) -> TrackStep:
        """The step of a claim. After too many attempts it gives up the first window, after one more all audio read."""
        windows = self.file_budget.windows(claim, claims)
        limit = reach_samples(windows) if claim.kind == TrackKind.BATCH else READ_LIMIT_SAMPLES
        audio = read_track(session, self.mailbox, claim, facts, limit)
        if claim.attempts > self.pace.attempts_limit + 1:  # planning itself failed
            return give_up(claim, facts, audio, audio.view.end_sample)
        step: TrackStep
        if claim.kind == TrackKind.BATCH:
            step = plan_file(claim, facts, audio, windows)
        else:
            step = plan_live(claim, facts, audio, self.policy, self.stream)
        return step.give_up() if claim.attempts > self.pace.attempts_limit else step

    def _settle(self, steps: Sequence[TrackStep], outcomes: dict[str, StepOutcome]) -> None:
        """Commit, release the tracks, and only then publish events."""
        parts, states = [], {}
        for step in steps:
            adapter = step.facts.adapter if step.facts.adapter in self.engine.adapters else None
            part, state = commit_of(step, outcomes[step.track_id], self.model, adapter)
            states[step.track_id] = state
            if part is not None:
                parts.append(part)
        done = commit(self.database, parts) if parts else Committed()
        refused = {part.track_id for part in parts} - done.track_ids
        accepted = [step for step in steps if step.track_id not in refused]
        accepted_parts = [part for part in parts if part.track_id not in refused]
        count_commits(metrics(), accepted_parts, {step.track_id: step for step in steps}, self._began_s)
        for step in steps:
            if step.track_id in refused:
                log.info("track %s: another worker had committed; this step is dropped", step.track_id)
                metrics().leases_lost.inc()
                self._give_back([step.claim], counted=False)
            else:
                self._release(step, states[step.track_id], outcomes[step.track_id])
        self._book(accepted)
        self._tell(steps, outcomes, done, refused)
        count_step(metrics(), steps, outcomes, self._began_s)

    def _book(self, steps: Sequence[TrackStep]) -> None:
        for step in steps:
            if step.given_up is None:
                continue
            where = where_given_up(step, step.given_up)
            log.error("meeting %s, %s", step.facts.meeting_id, where)
            book_failure(
                self.database,
                queues.TRANSCRIBE,
                [str(shard_of(step.track_id, self.mailbox.shards))],
                MinutebookError(where),
                step.claim.attempts - 1,
                meeting_id=step.facts.meeting_id,
            )

    def _release(self, step: TrackStep, state: StreamState, outcome: StepOutcome) -> None:
        ends = step.claim.closed and state.committed_sample >= step.claim.received_sample
        unkept_sample = self.audio_keeper.keep(step.facts, state.committed_sample, ends=ends)
        window = state.window_first_sample
        # Speech that is to be decoded again waits like new audio. So a model that skips it again keeps no worker busy.
        left = step.leaves_speech(outcome)
        seen = state.committed_sample if left else step.seen_sample
        behind = seen < step.claim.received_sample and not left
        self.mailbox.release(
            step.track_id,
            step.claim.epoch,
            committed_sample=state.committed_sample,
            keep_sample=window if unkept_sample is None else min(window, unkept_sample),
            seen_sample=seen,
            state=json.dumps(state.dump(), separators=(",", ":")).encode(),
            delay_ms=0 if behind or step.claim.closed else self.pace.step_interval_ms,
            rest_ms=self.file_budget.rest_ms(time.monotonic() - self._began_s),
        )

    def _set_aside(self, claim: Claim) -> None:
        """Give back the track that raised the current exception. The others of the batch go on."""
        log.exception("track %s: this step failed", claim.track_id)
        self._give_back([claim], counted=True)

    def _give_back(self, claims: Sequence[Claim], *, counted: bool) -> None:
        """Make the tracks due again in a moment. With *counted*, this counts as a failed attempt of each track."""
        for claim in claims:
            try:
                self.mailbox.release(
                    claim.track_id,
                    claim.epoch,
                    committed_sample=claim.committed_sample,
                    keep_sample=0,
                    # All audio counts as unseen, so the track is due again in any case.
                    seen_sample=-1,
                    state=claim.state,
                    delay_ms=RETRY_DELAY_MS,
                    retry=counted,
                )
            except MinutebookError as error:
                # Redis is unavailable. Raising this error would hide why the step failed.
                log.warning("claim of track %s not given back; its lease will expire: %s", claim.track_id, error)

    def _tell(
        self, steps: Sequence[TrackStep], outcomes: dict[str, StepOutcome], done: Committed, refused: set[str]
    ) -> None:
        events = done.events
        for step in steps:
            if step.track_id not in refused:
                told = momentary_events(step, outcomes[step.track_id])
                events.setdefault(step.facts.meeting_id, []).extend(told)
        for meeting_id, told in events.items():
            publish(self.redis, meeting_id, told)
        files = {step.facts.meeting_id for step in steps if step.claim.kind == TrackKind.BATCH}
        for meeting_id, words in done.closed_words.items():
            if words and meeting_id not in files:  # a file's minutes are made only once, at its end
                self.summaries.ask(meeting_id, SUMMARIZE_INTERVAL_MS)
        for meeting_id in {step.facts.meeting_id for step in steps if step.claim.closed}:
            if end_transcription(self.stores, meeting_id, carry_over):
                self.summaries.ask(meeting_id)
