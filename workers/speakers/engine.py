"""The engine that finds voices: segmentation, filter banks and embedding, on one thread of the processor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from workers.models.cache import weights_checksum
from workers.speakers.embedding import Embedding
from workers.speakers.filter_banks import filter_banks
from workers.speakers.segmentation import LEAST_SAMPLES, VOICES_AT_ONCE, Segmentation
from workers.speakers.units import Frames, UnitSpan, WindowSpan, find_units
from workers.speakers.weights import EMBEDDING, SEGMENTATION, VOICES, load

TrackSamples = NDArray[np.int16]

WINDOWS_AT_ONCE = 4
"""Windows in one pass of the segmentation. More only take more memory."""


@dataclass(frozen=True, slots=True)
class HeardUnit:
    """A unit with its embedding, (192,) float16 of length 1. Where several speak at once there is none."""

    span: UnitSpan
    embedding: NDArray[np.float16] | None


class VoiceEngine:
    """`model` names the weights: embeddings of different models cannot be compared."""

    def __init__(self, segmentation: Segmentation, embedding: Embedding, model: str) -> None:
        self._segmentation, self._embedding = segmentation.eval(), embedding.eval()
        self.model = model

    def hear(
        self, audio: TrackSamples, first_sample: int, windows: Sequence[WindowSpan], settled_sample: int
    ) -> tuple[list[HeardUnit], int]:
        """The units in *windows* after *settled_sample*, and the position that is settled then.

        *audio* begins at *first_sample* of the track and holds all windows.
        """
        found: list[HeardUnit] = []
        with torch.inference_mode():
            sound = torch.from_numpy(audio.astype(np.float32)) / 32768
            for window, frames in zip(windows, self._voices(sound, first_sample, windows), strict=True):
                spans, settled_sample = find_units(frames, window, settled_sample)
                found += [HeardUnit(span, self._described(sound, first_sample, span)) for span in spans]
        return found, settled_sample

    def _voices(self, sound: torch.Tensor, first_sample: int, windows: Sequence[WindowSpan]) -> list[Frames]:
        parts = [sound[each.first_sample - first_sample : each.end_sample - first_sample] for each in windows]
        frames: list[Frames] = []
        while len(frames) < len(parts):
            rest = parts[len(frames) : len(frames) + WINDOWS_AT_ONCE]
            _, same_length = next(groupby(rest, key=len))
            batch = list(same_length)
            if len(batch[0]) < LEAST_SAMPLES:
                frames += [np.zeros((0, VOICES_AT_ONCE), bool)] * len(batch)
            else:
                frames += list(self._segmentation(torch.stack(batch)).numpy().astype(bool))
        return frames

    def _described(self, sound: torch.Tensor, first_sample: int, span: UnitSpan) -> NDArray[np.float16] | None:
        if span.overlap:
            return None
        part = sound[span.first_sample - first_sample : span.end_sample - first_sample]
        vector = self._embedding(filter_banks(part).unsqueeze(0))[0]
        scaled: NDArray[np.float16] = torch.nn.functional.normalize(vector, dim=0).numpy().astype(np.float16)
        return scaled


def load_voices(reference: str, cache_dir: Path) -> VoiceEngine:
    """Load the voice models *reference*. Raises UnknownModel or BrokenModel."""
    folder = VOICES.resolve(reference, cache_dir)
    segmentation, embedding = Segmentation(), Embedding()
    load(folder / SEGMENTATION, segmentation)
    load(folder / EMBEDDING, embedding)
    return VoiceEngine(segmentation, embedding, weights_checksum(folder)[:16])
