"""One claimed track in a step: the windows to decode, the commit, and the events for clients.

A track is a `LiveStep` or a `FileStep`. When its audio has killed or failed one worker after another, it becomes a
`GivenUpStep`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from schema.core.events import Event
from schema.core.states import CoverageKind
from schema.core.units import s_of_samples
from schema.mailbox import Claim
from workers.asr.hypothesis import Window
from workers.asr.streaming.guard import JudgedHypothesis
from workers.asr.streaming.stream import StepOutcome
from workers.asr.streaming.track import CommittedSpan, StreamState
from workers.transcribe.audio import TrackAudio
from workers.transcribe.ledger import TrackCommit
from workers.transcribe.track_rows import TrackFacts


@dataclass(frozen=True, slots=True)
class TrackStep(ABC):
    """The base of all kinds of steps. A step without windows is settled without the model."""

    claim: Claim
    facts: TrackFacts
    audio: TrackAudio

    @property
    def track_id(self) -> str:
        return self.claim.track_id

    @property
    def given_up(self) -> CommittedSpan | None:
        """The audio that is booked as failed without being decoded."""
        return None

    @property
    @abstractmethod
    def windows(self) -> list[Window]:
        """The windows that the model has to decode."""

    @abstractmethod
    def settled(self, judged: Sequence[JudgedHypothesis]) -> StepOutcome:
        """The outcome to commit, with silence. *judged* holds a hypothesis for each of `windows`."""

    @property
    @abstractmethod
    def seen_sample(self) -> int:
        """How far this step looked at the audio. Later audio makes the track due again."""

    def leaves_speech(self, _outcome: StepOutcome) -> bool:
        """Whether the next step has to decode speech again, even if no new audio arrives."""
        return False

    def answered_sample(self, outcome: StepOutcome) -> int:
        """The position up to which somebody who waits has got the words. Held words come with those that follow."""
        return outcome.state.committed_sample

    @abstractmethod
    def give_up(self) -> TrackStep:
        """The step that books the first window as failed, or this step itself if it has no window."""


@dataclass(frozen=True, slots=True)
class GivenUpStep(TrackStep):
    """Books audio as failed after too many failed attempts, so that the rest of the track goes on."""

    silent: tuple[CommittedSpan, ...] = ()
    failed: CommittedSpan | None = None
    """None if all of the audio is committed already."""

    @property
    def given_up(self) -> CommittedSpan | None:
        return self.failed

    @property
    def windows(self) -> list[Window]:
        return []

    def settled(self, _judged: Sequence[JudgedHypothesis]) -> StepOutcome:
        if self.failed is None:
            return StepOutcome(self.audio.view.state, spans=self.silent, paused=True)
        end = self.failed.end_sample
        return StepOutcome(StreamState(end, end), spans=(*self.silent, self.failed), paused=True)

    @property
    def seen_sample(self) -> int:
        return self.audio.view.end_sample if self.failed is None else self.failed.end_sample

    def give_up(self) -> TrackStep:
        return self


def give_up(
    claim: Claim, facts: TrackFacts, audio: TrackAudio, end_sample: int, silent: tuple[CommittedSpan, ...] = ()
) -> GivenUpStep:
    """Give up the audio up to *end_sample*, except for the *silent* beginning."""
    first = silent[-1].end_sample if silent else audio.view.state.committed_sample
    if end_sample <= first:
        return GivenUpStep(claim, facts, audio, silent)
    reason = f"not decoded in {claim.attempts - 1} attempts"
    return GivenUpStep(claim, facts, audio, silent, CommittedSpan(first, end_sample, CoverageKind.FAILED, reason))


def where_given_up(step: TrackStep, span: CommittedSpan) -> str:
    """The text about a given-up *span* for the log and for the table `failures`."""
    first_s, end_s = s_of_samples(span.first_sample), s_of_samples(span.end_sample)
    return f"track {step.facts.name}, {first_s:.1f}–{end_s:.1f} s: {span.reason}"


def commit_of(
    step: TrackStep, outcome: StepOutcome, model: str, adapter: str | None
) -> tuple[TrackCommit | None, StreamState]:
    """The commit of a step, or None if there is nothing to write, and the track's state after it."""
    state, spans = outcome.state, list(outcome.spans)
    hole, view = step.audio.hole, step.audio.view
    if hole is not None and state.committed_sample >= hole.first_sample:
        spans.append(hole)
        state = StreamState(hole.end_sample, hole.end_sample, history=state.history)
    ends = view.closed and state.committed_sample == view.end_sample
    if not spans and not ends:  # a track's end closes its open segment even if no audio is left
        return None, state
    part = TrackCommit(
        meeting_id=step.facts.meeting_id,
        track_id=step.track_id,
        old_epoch=step.facts.epoch,
        epoch=step.claim.epoch,
        old_sample=step.facts.committed_sample,
        new_sample=state.committed_sample,
        spans=spans,
        received_sample=step.claim.received_sample,
        words=outcome.words,
        pause=outcome.paused,
        model=model,
        adapter=adapter,
    )
    return part, state


def momentary_events(step: TrackStep, outcome: StepOutcome) -> list[Event]:
    """Events with the track's progress and partial words. Later events replace them, so they are never replayed."""
    coverage = {
        "track": step.facts.name,
        "committed_sample": outcome.state.committed_sample,
        "answered_sample": step.answered_sample(outcome),
        "received_sample": step.claim.received_sample,
        "waited_ms": step.claim.waited_ms,
    }
    events = [Event("coverage", coverage)]
    if step.windows:
        events.append(Event("partial", {"track": step.facts.name, "text": "".join(outcome.partial).strip()}))
    return events
