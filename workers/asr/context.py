"""How much silence the encoder sees after the audio of a window.

Whisper was trained on windows of 30 s, with silence after short audio. If that silence is cut off, it makes many errors
and may repeat itself without end. But the silence looks alike everywhere, so one position in `stride` can stand for its
neighbours. A key that stands for n positions gets log n added to its attention score, because softmax then gives it the
combined weight of n equal keys. The text is about the same as with the full 30 s, and the work follows the length of
the audio.

Legend: B rows, S encoder positions kept, D model width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from schema.core.units import samples_of_ms

POSITION_SAMPLES = 320
"""Audio that one encoder position covers: two hops of the spectrogram."""
MARGIN_POSITIONS = samples_of_ms(500) // POSITION_SAMPLES
"""The margin: silent positions right after the audio that are all kept."""
STRIDE = 8
"""One silent position in so many is kept. With tiny.en, 4 to 8 give the word error rate of the full context; see
docs/performance.md."""
_EDGE = 4
"""Positions at the end of a shortened spectrogram that the zero padding of the convolutions may change."""


@dataclass(frozen=True, slots=True)
class Context:
    """The positions that each row keeps, in `index` (B, S).

    `bias` (B, 1, 1, S) is the log of the number of positions that each stands for. It is -inf where a row has fewer
    than S positions, and None if every position of every row stands for itself.
    """

    index: torch.Tensor
    bias: torch.Tensor | None
    frames: int
    """The number of spectrogram frames that the kept positions need."""

    def spread(self, x: torch.Tensor) -> torch.Tensor:
        """Select the kept positions of *x* (B, frames / 2, D), which gives (B, S, D).

        Positions beyond the end of *x* are silence, and take the value of its last position that padding cannot change.
        """
        last = x.shape[1] - 1 - (_EDGE if int(self.index.max()) >= x.shape[1] else 0)
        return x.gather(1, self.index.clamp(max=last)[..., None].expand(-1, -1, x.shape[-1]))


def audible_positions(samples: int) -> int:
    """The number of positions that *samples* of audio cover, at least one."""
    return max(-(-samples // POSITION_SAMPLES), 1)


def full_context(rows: int, total: int, device: str) -> Context:
    """All *total* positions, as in the model's training."""
    return Context(torch.arange(total, device=device).expand(rows, -1), None, 2 * total)


def condensed_context(audible: Sequence[int], total: int, stride: int, device: str, dtype: torch.dtype) -> Context:
    """For rows with *audible* positions of audio: those, a margin, and one in *stride* of the silent rest."""
    kept = [_condensed(min(count + MARGIN_POSITIONS, total), total, stride) for count in audible]
    return _padded(kept, total, device, dtype)


def short_context(audible: Sequence[int], total: int, device: str, dtype: torch.dtype) -> Context:
    """Only the audio and a margin that stands for all of the silence, for adapters that were trained with that."""
    return _padded([_short(count, total) for count in audible], total, device, dtype)


def _condensed(dense: int, total: int, stride: int) -> list[tuple[int, float]]:
    """(position, number of positions that it stands for), for one row."""
    sparse = range(min(dense + stride // 2, total - 1), total, stride) if dense < total else range(0)
    weight = (total - dense) / max(len(sparse), 1)
    return [*((at, 1.0) for at in range(dense)), *((at, weight) for at in sparse)]


def _short(audible: int, total: int) -> list[tuple[int, float]]:
    """(position, number of positions that it stands for), for one row."""
    end = min(audible + MARGIN_POSITIONS, total)
    weight = (total - audible) / max(end - audible, 1)
    return [*((at, 1.0) for at in range(audible)), *((at, weight) for at in range(audible, end))]


def _padded(kept: list[list[tuple[int, float]]], total: int, device: str, dtype: torch.dtype) -> Context:
    longest = max(len(row) for row in kept)
    padded = [row + [(0, 0.0)] * (longest - len(row)) for row in kept]
    weights = torch.tensor([[weight for _, weight in row] for row in padded])
    index = torch.tensor([[position for position, _ in row] for row in padded], device=device)
    bias = None if bool((weights == 1.0).all()) else weights.log()[:, None, None, :].to(device, dtype)
    last_dense = max(position for row in kept for position, weight in row if weight == 1.0)
    return Context(index, bias, 2 * min(last_dense + 1 + 2 * _EDGE, total))
