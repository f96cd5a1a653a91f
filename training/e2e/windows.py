"""Audio of any length as windows of at most 30 s, which the encoder reads one by one."""

from __future__ import annotations

from collections.abc import Sequence

from schema.core.units import SAMPLE_RATE_HZ, WINDOW_LIMIT_SAMPLES
from training.data.audio import Samples
from training.e2e.connector import Shape
from workers.asr.context import audible_positions


def cut(samples: Samples) -> list[Samples]:
    """The windows of *samples* (n,), each but the last of 30 s."""
    return [samples[first : first + WINDOW_LIMIT_SAMPLES] for first in range(0, len(samples), WINDOW_LIMIT_SAMPLES)]


def embeddings(windows: Sequence[Samples], shape: Shape) -> int:
    """How many embeddings stand for *windows*."""
    return sum(shape.embeddings(audible_positions(len(window))) for window in windows)


def most_embeddings(seconds: float, shape: Shape) -> int:
    """No fewer than stand for so many *seconds* of audio."""
    whole, rest = divmod(round(seconds * SAMPLE_RATE_HZ) + 1, WINDOW_LIMIT_SAMPLES)
    full = shape.embeddings(audible_positions(WINDOW_LIMIT_SAMPLES))
    return whole * full + (shape.embeddings(audible_positions(rest)) if rest else 0)
