"""Log mel filter banks as Kaldi computes them, which the embedding reads."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from schema.core.units import SAMPLE_RATE_HZ

BANDS = 80
FRAME_SAMPLES, HOP_SAMPLES = 400, 160
_FFT = 512
_LOWEST_HZ = 20.0
_PREEMPHASIS = 0.97
_FLOOR = torch.finfo(torch.float32).eps


def _mel(hz: Tensor) -> Tensor:
    return 1127.0 * torch.log1p(hz / 700.0)


@cache
def _constants() -> tuple[Tensor, Tensor]:
    """The window, (400,), and the triangles of the bands, (257, 80)."""
    window = torch.hann_window(FRAME_SAMPLES, periodic=False).pow(0.85)
    edges = _mel(torch.tensor([_LOWEST_HZ, SAMPLE_RATE_HZ / 2]))
    corners = torch.linspace(float(edges[0]), float(edges[1]), BANDS + 2)
    bins = _mel(torch.arange(_FFT // 2 + 1) * (SAMPLE_RATE_HZ / _FFT)).unsqueeze(1)
    rising = (bins - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins) / (corners[2:] - corners[1:-1])
    triangles = torch.minimum(rising, falling).clamp(min=0)
    triangles[-1] = 0  # Kaldi leaves out the last bin.
    return window, triangles


def filter_banks(audio: Tensor) -> Tensor:
    """The bands of *audio*, (samples,) in -1 to 1, as (frames, 80), each band with mean 0.

    Audio shorter than a frame is padded with zeros to one frame.
    """
    if len(audio) < FRAME_SAMPLES:
        audio = torch.nn.functional.pad(audio, (0, FRAME_SAMPLES - len(audio)))
    window, triangles = _constants()
    frames = audio.unfold(0, FRAME_SAMPLES, HOP_SAMPLES)
    frames = frames - frames.mean(dim=1, keepdim=True)
    before = torch.cat([frames[:, :1], frames[:, :-1]], dim=1)
    spectrum = torch.fft.rfft((frames - _PREEMPHASIS * before) * window, n=_FFT)
    bands: Tensor = (spectrum.abs().square() @ triangles).clamp(min=_FLOOR).log()
    return bands - bands.mean(dim=0)
