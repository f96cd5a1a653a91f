"""The step of a track whose audio comes from a file. It decodes several independent windows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schema.mailbox import Claim
from workers.asr.hypothesis import Window
from workers.asr.streaming import batch
from workers.asr.streaming.guard import JudgedHypothesis
from workers.asr.streaming.stream import StepOutcome
from workers.transcribe.audio import TrackAudio
from workers.transcribe.step import TrackStep, give_up
from workers.transcribe.track_rows import TrackFacts


@dataclass(frozen=True, slots=True)
class FileStep(TrackStep):
    plan: batch.FilePlan

    @property
    def windows(self) -> list[Window]:
        return self.plan.windows

    def settled(self, judged: Sequence[JudgedHypothesis]) -> StepOutcome:
        return self.plan.settled(judged)

    @property
    def seen_sample(self) -> int:
        return self.plan.end_sample if self.plan.more else self.audio.view.end_sample

    def give_up(self) -> TrackStep:
        if not self.plan.pieces:
            return self
        return give_up(self.claim, self.facts, self.audio, self.plan.pieces[0].end_sample, self.plan.silence)


def plan_file(claim: Claim, facts: TrackFacts, audio: TrackAudio, windows: int) -> FileStep:
    """The step of a file, with at most *windows* windows."""
    return FileStep(claim, facts, audio, batch.plan(audio.view, windows))
