"""One claimed track on its way through a step: what is planned for it, what is written of it, what is told of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from schema.core.events import Event
from schema.core.states import CoverageKind
from schema.core.units import s_of_samples
from schema.mailbox import Claim
from workers.asr.hypothesis import Window
from workers.asr.streaming import batch
from workers.asr.streaming.policy import Policy
from workers.asr.streaming.stream import Outcome, Plan, StreamSettings, plan, settle
from workers.asr.streaming.track import Span, StreamState
from workers.transcribe.audio import TrackAudio
from workers.transcribe.ledger import TrackCommit
from workers.transcribe.track_rows import TrackFacts

Read = Callable[[Sequence[Window]], Sequence[batch.Reading]]


@dataclass(frozen=True, slots=True)
class Job:
    """`cut` are the windows of a file, several of which go into one step; live audio has the one of `plan`."""

    claim: Claim
    facts: TrackFacts
    reading: TrackAudio
    plan: Plan
    cut: batch.BatchPlan | None = None
    given_up: Span | None = None
    """No worker came back from this audio, time and again: it is booked as failed so that the rest goes on."""

    @property
    def windows(self) -> list[Window]:
        """What the model is to read."""
        if self.given_up is not None:
            return []
        if self.cut is not None:
            return [piece.window for piece in self.cut.pieces]
        return [] if self.plan.window is None else [self.plan.window]

    @property
    def silent(self) -> tuple[Span, ...]:
        """What is committed without the model: `given_up` too. A file has it among the words."""
        if self.cut is not None:
            return ()
        return self.plan.silent if self.given_up is None else (*self.plan.silent, self.given_up)

    @property
    def seen_sample(self) -> int:
        """Up to where this step looked at the audio; what is behind it makes the track due again."""
        if self.given_up is not None:
            return self.given_up.end_sample
        if self.cut is not None and self.cut.more:
            return self.cut.end_sample
        return self.plan.window_end_sample if self.plan.final else self.reading.view.end_sample

    def leaves_speech(self, outcome: Outcome | None) -> bool:
        """Whether the model skipped speech that a pause ends: it is read again, though nobody may say anything more."""
        if outcome is None or self.cut is not None or not self.plan.final:
            return False
        return outcome.state.committed_sample < self.plan.speech_end_sample

    def settled(self, readings: Sequence[Sequence[batch.Reading]], policy: Policy, settings: StreamSettings) -> Outcome:
        """What *readings* of `windows` come to; a file's may have a second one, of what the first left over."""
        if self.cut is not None:
            return batch.settle(self.cut, readings)
        return settle(self.plan, *readings[0][0], policy, settings)


def planned(
    claim: Claim, facts: TrackFacts, reading: TrackAudio, attempts_limit: int, settings: StreamSettings, places: int
) -> Job:
    """The job of a claim, of a file with up to *places* windows.

    After *attempts_limit* attempts its window is given up, after one more all that was read.
    """
    if claim.attempts > attempts_limit + 1:  # not even looking at the audio went well
        view = reading.view
        return _given_up(claim, facts, reading, Plan(view, window_end_sample=view.end_sample))
    job = _cut(claim, facts, reading, places) if claim.kind == "batch" else _streamed(claim, facts, reading, settings)
    if claim.attempts <= attempts_limit or job.plan.window is None:
        return job
    return _given_up(claim, facts, reading, job.plan)


def _streamed(claim: Claim, facts: TrackFacts, reading: TrackAudio, settings: StreamSettings) -> Job:
    return Job(claim, facts, reading, plan(reading.view, settings))


def _cut(claim: Claim, facts: TrackFacts, reading: TrackAudio, places: int) -> Job:
    cut = batch.plan(reading.view, places)
    first = cut.up_to_first_window()
    if first.window is None:
        return Job(claim, facts, reading, first)
    return Job(claim, facts, reading, first, cut)


def _given_up(claim: Claim, facts: TrackFacts, reading: TrackAudio, tried: Plan) -> Job:
    """The window of *tried* passes without being decoded."""
    first, end = tried.view.state.committed_sample, tried.window_end_sample
    if end <= first:
        return Job(claim, facts, reading, Plan(tried.view, tried.silent))
    after = StreamState(committed_sample=end, window_first_sample=end)
    view = replace(tried.view, state=after, samples=tried.view.samples[end - tried.view.state.window_first_sample :])
    span = Span(first, end, CoverageKind.FAILED, f"not decoded in {claim.attempts - 1} attempts")
    return Job(claim, facts, reading, Plan(view, tried.silent), given_up=span)


def outcomes_of(jobs: Sequence[Job], read: Read, policy: Policy, settings: StreamSettings) -> dict[str, Outcome]:
    """By track id: the windows of all *jobs* read together, and what those of files left over once more."""
    first = iter(read([window for job in jobs for window in job.windows]))
    readings = {job.claim.track_id: [[next(first)] for _ in job.windows] for job in jobs}
    rests = [
        (found, rest.window)
        for job in jobs
        if job.cut is not None
        for piece, found in zip(job.cut.pieces, readings[job.claim.track_id], strict=True)
        if (rest := batch.leftover(piece, found[0])) is not None
    ]
    if rests:
        for (found, _), again in zip(rests, read([window for _, window in rests]), strict=True):
            found.append(again)
    return {job.claim.track_id: job.settled(readings[job.claim.track_id], policy, settings) for job in jobs}


def where_given_up(job: Job, span: Span) -> str:
    """For the log and the row in `failures`."""
    first_s, end_s = s_of_samples(span.first_sample), s_of_samples(span.end_sample)
    return f"track {job.facts.name}, {first_s:.1f}–{end_s:.1f} s: {span.reason}"


def written(
    job: Job, outcome: Outcome | None, model: str, adapter: str | None
) -> tuple[TrackCommit | None, StreamState]:
    """What a job has to write, if anything, and the state of its track afterwards."""
    state = outcome.state if outcome else job.plan.view.state
    spans = [*job.silent, *(outcome.spans if outcome else ())]
    hole = job.reading.hole
    if hole is not None and state.committed_sample >= hole.first_sample:
        spans.append(hole)
        state = StreamState(hole.end_sample, hole.end_sample, history=state.history)
    ends = job.reading.view.closed and state.committed_sample == job.reading.view.end_sample
    if not spans and not ends:  # at the end an open segment is closed even when no audio is left
        return None, state
    part = TrackCommit(
        meeting_id=job.facts.meeting_id,
        track_id=job.claim.track_id,
        old_epoch=job.facts.epoch,
        epoch=job.claim.epoch,
        old_sample=job.facts.committed_sample,
        new_sample=state.committed_sample,
        spans=spans,
        received_sample=job.claim.received_sample,
        words=outcome.words if outcome else (),
        pause=outcome.paused if outcome else True,
        model=model,
        adapter=adapter,
    )
    return part, state


def of_the_moment(job: Job, outcome: Outcome | None) -> list[Event]:
    """Partial words and how far the track is; replaced by the next ones, never replayed."""
    state = outcome.state if outcome else job.plan.view.state
    where = {
        "track": job.facts.name,
        "committed_sample": state.committed_sample,
        "received_sample": job.claim.received_sample,
        "waited_ms": job.claim.waited_ms,
    }
    events = [Event("coverage", where)]
    if outcome is not None:
        events.append(Event("partial", {"track": job.facts.name, "text": "".join(outcome.partial).strip()}))
    return events
