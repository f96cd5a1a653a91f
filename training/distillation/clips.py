"""Cuts many clips out of few recordings: spans of random length, with pauses at the ends and noise added."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import numpy as np
from numpy.typing import NDArray

from schema.core.units import samples_of_s
from training.data.audio import Samples

PAUSE_SHARE = 0.3
PAUSE_LIMIT_S = 1.0
NOISE_SHARE = 0.4
SNR_DB = (5.0, 35.0)
PEAK = 32_767


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip to cut: `samples` of recording number `place` from `first_sample` on, with `before` and `behind` samples
    of silence around them.

    `snr_db` is the signal-to-noise ratio, None without noise. `seed` selects the noise.
    """

    place: int
    first_sample: int
    samples: int
    before: int
    behind: int
    snr_db: float | None
    seed: int

    def __len__(self) -> int:
        return self.before + self.samples + self.behind


def draw_clips(lengths: Sequence[int], each: int, shortest_s: float, longest_s: float, seed: int) -> list[Clip]:
    """*each* clips of every recording, whose *lengths* are in samples. The result is the same on every machine.

    A clip is *shortest_s* to *longest_s* seconds long, or as long as its recording. The logarithm of the length is
    uniformly distributed, so short clips are frequent: live windows are mostly short, and short clips cost less.
    """
    rng = Random(f"clips/{seed}")  # noqa: S311 - not a secret
    return [
        _draw_clip(index, length, samples_of_s(shortest_s), samples_of_s(longest_s), rng)
        for _ in range(each)
        for index, length in enumerate(lengths)
    ]


def _draw_clip(index: int, length: int, shortest: int, longest: int, rng: Random) -> Clip:
    drawn = round(math.exp(math.log(shortest) + rng.random() * math.log(longest / shortest)))
    samples = min(drawn, length)
    first = int(rng.random() * (length - samples + 1))
    room = longest - samples
    before, behind = (_draw_pause(rng, room // 2) for _ in range(2))
    noisy, snr_db = rng.random() < NOISE_SHARE, SNR_DB[0] + rng.random() * (SNR_DB[1] - SNR_DB[0])
    seed = int(rng.random() * 2**32)
    return Clip(index, first, samples, before, behind, snr_db if noisy else None, seed)


def _draw_pause(rng: Random, room: int) -> int:
    has_one, length_s = rng.random() < PAUSE_SHARE, rng.random() * PAUSE_LIMIT_S
    return min(samples_of_s(length_s), room) if has_one else 0


def render_clip(clip: Clip, recording: Samples) -> Samples:
    """The samples of *clip*, (len(clip),), cut out of its *recording*."""
    speech = recording[clip.first_sample : clip.first_sample + clip.samples].astype(np.float64)
    padded = np.pad(speech, (clip.before, clip.behind))
    if clip.snr_db is not None:
        loudness = math.sqrt(float(np.mean(speech**2)))
        padded += _pink_noise(len(padded), clip.seed) * loudness * 10 ** (-clip.snr_db / 20)
    return np.clip(np.rint(padded), -PEAK, PEAK).astype(np.int16)


def _pink_noise(samples: int, seed: int) -> NDArray[np.float64]:
    """Noise with mean square 1 whose power falls with frequency, like room noise."""
    white = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    noise = np.fft.irfft(white / np.sqrt(np.maximum(np.arange(len(white)), 1)), samples)
    return np.asarray(noise / max(math.sqrt(float(np.mean(noise**2))), 1e-9))
