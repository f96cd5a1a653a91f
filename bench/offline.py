"""The same speech read offline by the same engine: what streaming is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bench.speech import Speech
from schema.core.units import samples_of_s
from workers.asr.engine import Engine
from workers.asr.hypothesis import Window
from workers.asr.streaming.vad import speech_spans

LONGEST_S = 28.0
BATCH = 16


def transcribe(engine: Engine, speeches: Sequence[Speech]) -> list[str]:
    """The text of each, from windows of at most 30 s that are cut at pauses, without prompts."""
    windows = [(place, window) for place, speech in enumerate(speeches) for window in _windows(speech)]
    texts: list[list[str]] = [[] for _ in speeches]
    for group in (windows[first : first + BATCH] for first in range(0, len(windows), BATCH)):
        hypotheses = engine.transcribe([Window(samples) for _, samples in group])
        for (place, _), hypothesis in zip(group, hypotheses, strict=True):
            texts[place].append(hypothesis.text)
    return [" ".join(parts) for parts in texts]


def _windows(speech: Speech) -> list[NDArray[np.int16]]:
    samples = np.frombuffer(speech.pcm, "<i2").astype(np.int16)
    cuts = _cuts(speech_spans(samples), len(samples), samples_of_s(LONGEST_S))
    return [samples[first:end] for first, end in pairwise(cuts)]


def _cuts(spans: Sequence[tuple[int, int]], end_sample: int, longest: int) -> list[int]:
    """Where windows begin and end: at the last pause that keeps them short enough; in speech only without a pause."""
    cuts = [0]
    for (_, before), (after, end) in pairwise([(0, 0), *spans, (end_sample, end_sample)]):
        pause = (before + after) // 2
        while end - cuts[-1] > longest:
            furthest = cuts[-1] + longest
            cuts.append(min(pause, furthest) if pause > cuts[-1] else furthest)
    return [*cuts, end_sample] if cuts[-1] < end_sample else cuts
