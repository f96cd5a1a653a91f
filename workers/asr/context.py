"""How much silence the encoder sees behind a window.

Whisper was trained on 30 s, and an untrained model goes astray when the silence behind short audio is simply cut off.
But that silence looks alike everywhere, so one position in `stride` can stand for all: a key that stands for n
others gets log n added to its attention score, which is what n equal keys would weigh together. Encoder and decoder
then do the work of the audio and a little more, and read as with the whole 30 s.

Legend: B rows, S encoder positions kept, D model width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from schema.core.units import samples_of_ms

POSITION_SAMPLES = 320
"""Audio under one encoder position: two hops of the spectrogram."""
MARGIN_POSITIONS = samples_of_ms(500) // POSITION_SAMPLES
"""Silence right behind the audio that is kept whole."""
STRIDE = 8
"""Measured with tiny.en: the word error rate of 4 to 8 is that of the full context, see docs/performance.md."""
_EDGE = 4
"""Positions at the end of a shortened spectrogram that the convolutions' zero padding may touch."""


@dataclass(frozen=True, slots=True)
class Context:
    """The positions that each row keeps. `index` (B, S) numbers them; `bias` (B, 1, 1, S) is the log of how many
    positions each stands for, -inf where a row has fewer than S, None when every position stands for itself."""

    index: torch.Tensor
    bias: torch.Tensor | None
    frames: int
    """Spectrogram frames that the kept positions need."""

    def spread(self, x: torch.Tensor) -> torch.Tensor:
        """Take the kept positions of *x* (B, frames / 2, D); what lies beyond is silent as its last sound part."""
        last = x.shape[1] - 1 - (_EDGE if int(self.index.max()) >= x.shape[1] else 0)
        return x.gather(1, self.index.clamp(max=last)[..., None].expand(-1, -1, x.shape[-1]))


def audible_positions(samples: int) -> int:
    """Positions under *samples* of audio, at least one."""
    return max(-(-samples // POSITION_SAMPLES), 1)


def full_context(rows: int, total: int, device: str) -> Context:
    """Every one of the *total* positions, as the model was trained."""
    return Context(torch.arange(total, device=device).expand(rows, -1), None, 2 * total)


def condensed_context(audible: Sequence[int], total: int, stride: int, device: str, dtype: torch.dtype) -> Context:
    """For rows with *audible* positions of sound: those, a margin, and one in *stride* of the silent rest."""
    kept = [_condensed(min(count + MARGIN_POSITIONS, total), total, stride) for count in audible]
    return _padded(kept, total, device, dtype)


def short_context(audible: Sequence[int], total: int, device: str, dtype: torch.dtype) -> Context:
    """The sound and a margin only, for adapters that were trained to read so. The margin stands for all the silence."""
    return _padded([_short(count, total) for count in audible], total, device, dtype)


def _condensed(dense: int, total: int, stride: int) -> list[tuple[int, float]]:
    """(position, how many it stands for) of one row."""
    sparse = range(min(dense + stride // 2, total - 1), total, stride) if dense < total else range(0)
    weight = (total - dense) / max(len(sparse), 1)
    return [*((place, 1.0) for place in range(dense)), *((place, weight) for place in sparse)]


def _short(audible: int, total: int) -> list[tuple[int, float]]:
    """(position, how many it stands for) of one row."""
    end = min(audible + MARGIN_POSITIONS, total)
    weight = (total - audible) / max(end - audible, 1)
    return [*((place, 1.0) for place in range(audible)), *((place, weight) for place in range(audible, end))]


def _padded(kept: list[list[tuple[int, float]]], total: int, device: str, dtype: torch.dtype) -> Context:
    longest = max(len(row) for row in kept)
    padded = [row + [(0, 0.0)] * (longest - len(row)) for row in kept]
    weights = torch.tensor([[weight for _, weight in row] for row in padded])
    index = torch.tensor([[place for place, _ in row] for row in padded], device=device)
    bias = None if bool((weights == 1.0).all()) else weights.log()[:, None, None, :].to(device, dtype)
    sound = max(place for row in kept for place, weight in row if weight == 1.0)
    return Context(index, bias, 2 * min(sound + 1 + 2 * _EDGE, total))
