"""Counts what a step of transcription did, for Prometheus."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from schema.core.states import TrackKind
from schema.core.units import s_of_samples
from workers.asr.streaming.stream import StepOutcome
from workers.metrics.metrics import WorkerMetrics
from workers.transcribe.ledger import TrackCommit
from workers.transcribe.step import TrackStep


def count_commits(
    metrics: WorkerMetrics,
    parts: Sequence[TrackCommit],
    steps: Mapping[str, TrackStep],
    began_s: float,
) -> None:
    """Count the audio and the live words that a step has just committed. It began at *began_s* (monotonic clock)."""
    step_s = time.monotonic() - began_s
    for part in parts:
        for span in part.spans:
            metrics.coverage_s.labels(span.kind).inc(s_of_samples(span.end_sample - span.first_sample))
        if steps[part.track_id].claim.kind == TrackKind.LIVE:
            for word in part.words:
                # Live audio arrives as fast as it is spoken, so what had arrived after the word tells how long ago.
                metrics.latency_s.observe(step_s + s_of_samples(max(0, part.received_sample - word.end_sample)))


def count_step(
    metrics: WorkerMetrics, steps: Sequence[TrackStep], outcomes: Mapping[str, StepOutcome], began_s: float
) -> None:
    metrics.step_s.observe(time.monotonic() - began_s)
    if windows := sum(len(step.windows) for step in steps):
        metrics.step_windows.observe(windows)
    for step in steps:
        if step.claim.kind == TrackKind.LIVE:
            behind = step.claim.received_sample - outcomes[step.track_id].state.committed_sample
            metrics.behind_s.observe(s_of_samples(max(0, behind)))
