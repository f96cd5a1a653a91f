"""Log-mel spectrograms of many windows at once. They equal those of transformers' `WhisperFeatureExtractor`."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from schema.core.units import WINDOW_LIMIT_SAMPLES

FFT_SAMPLES = 400
HOP_SAMPLES = 160
FULL_SCALE = 32_768
_FLOOR = 1e-10
_DYNAMIC_RANGE = 8.0
"""Values are limited to so many decades below the loudest bin."""


@lru_cache(maxsize=4)
def _mel_filters(n_mels: int, device: str) -> torch.Tensor:
    """Slaney's mel filters, (n_mels, 201)."""
    from transformers.audio_utils import mel_filter_bank

    filters = mel_filter_bank(
        num_frequency_bins=1 + FFT_SAMPLES // 2,
        num_mel_filters=n_mels,
        min_frequency=0.0,
        max_frequency=8000.0,
        sampling_rate=16_000,
        norm="slaney",
        mel_scale="slaney",
    )
    return torch.from_numpy(filters.T.copy()).to(device, torch.float32)


@lru_cache(maxsize=4)
def _hann(device: str) -> torch.Tensor:
    return torch.hann_window(FFT_SAMPLES, device=device)


def log_mel(windows: Sequence[NDArray[np.int16]], frames: int, n_mels: int, device: str = "cpu") -> torch.Tensor:
    """Log-mel features (batch, n_mels, frames) in float32. Frame i is centred on sample 160 * i.

    Each window is padded with silence or cut to *frames*. Only the part that some window fills is transformed, because
    the value of silence is known.
    """
    audio = _stack(windows, min(frames * HOP_SAMPLES, WINDOW_LIMIT_SAMPLES)).to(device)
    spectrum = torch.stft(audio, FFT_SAMPLES, HOP_SAMPLES, window=_hann(device), return_complex=True)
    power = spectrum[..., :-1].abs().square().contiguous()
    mel = (_mel_filters(n_mels, device) @ power).clamp_(min=_FLOOR).log10_()
    padded = torch.nn.functional.pad(mel, (0, frames - mel.shape[-1]), value=float(np.log10(_FLOOR)))
    loudest = mel.amax(dim=(1, 2), keepdim=True)
    return torch.maximum(padded, loudest - _DYNAMIC_RANGE).add_(4.0).div_(4.0)


def _stack(windows: Sequence[NDArray[np.int16]], limit: int) -> torch.Tensor:
    """The windows as float32 (batch, n) in [-1, 1).

    n is the longest window plus enough silence that no sound reaches the last frame.
    """
    longest = max((len(window) for window in windows), default=0)
    length = min(-(-(longest + 2 * FFT_SAMPLES) // HOP_SAMPLES) * HOP_SAMPLES, limit)
    stacked = np.zeros((len(windows), length), np.int16)
    for row, window in zip(stacked, windows, strict=True):
        row[: min(len(window), length)] = window[:length]
    return torch.from_numpy(stacked).to(torch.float32).div_(FULL_SCALE)
