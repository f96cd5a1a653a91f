"""The step of a live track. It decodes the one window that the stream's plan chooses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from schema.mailbox import Claim
from workers.asr.hypothesis import Window
from workers.asr.streaming.guard import JudgedHypothesis
from workers.asr.streaming.policy import Policy
from workers.asr.streaming.stream import LivePlan, StepOutcome, StreamSettings, plan, settle
from workers.transcribe.audio import TrackAudio
from workers.transcribe.step import TrackStep, give_up
from workers.transcribe.track_rows import TrackFacts


@dataclass(frozen=True, slots=True)
class LiveStep(TrackStep):
    plan: LivePlan
    policy: Policy
    settings: StreamSettings

    @property
    def windows(self) -> list[Window]:
        return [] if self.plan.window is None else [self.plan.window]

    def settled(self, judged: Sequence[JudgedHypothesis]) -> StepOutcome:
        if not judged:
            return StepOutcome(self.plan.view.state, spans=self.plan.silent, paused=True)
        ((hypothesis, verdict),) = judged
        outcome = settle(self.plan, hypothesis, verdict, self.policy, self.settings)
        return replace(outcome, spans=(*self.plan.silent, *outcome.spans))

    @property
    def seen_sample(self) -> int:
        return self.plan.window_end_sample if self.plan.final else self.audio.view.end_sample

    def leaves_speech(self, outcome: StepOutcome) -> bool:
        """Whether the model skipped speech before a pause."""
        return self.plan.final and not outcome.held and outcome.state.committed_sample < self.plan.speech_end_sample

    def answered_sample(self, outcome: StepOutcome) -> int:
        return self.plan.window_end_sample if outcome.held else outcome.state.committed_sample

    def give_up(self) -> TrackStep:
        if self.plan.window is None:
            return self
        return give_up(self.claim, self.facts, self.audio, self.plan.window_end_sample, self.plan.silent)


def plan_live(claim: Claim, facts: TrackFacts, audio: TrackAudio, policy: Policy, settings: StreamSettings) -> LiveStep:
    return LiveStep(claim, facts, audio, plan(audio.view, settings), policy, settings)
