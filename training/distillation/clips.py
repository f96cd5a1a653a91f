"""Many clips out of few recordings: stretches of random length, with pauses at their ends and noise over them."""

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
    """`samples` of the recording at `place` from `first_sample` on, with silence before and behind.

    `snr_db` is how far noise lies below the speech, None where none is added; `seed` decides which noise.
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


def cut(lengths: Sequence[int], each: int, shortest_s: float, longest_s: float, seed: int) -> list[Clip]:
    """*each* clips of every recording, whose *lengths* are in samples; the same on every machine.

    A clip is *shortest_s* to *longest_s* seconds long, or as long as its recording. Short ones are as frequent as
    long ones by the logarithm of their length: live windows are mostly short, and short ones cost less.
    """
    chance = Random(f"clips/{seed}")  # noqa: S311 - a choice, no secret
    return [
        _clip(place, length, samples_of_s(shortest_s), samples_of_s(longest_s), chance)
        for _ in range(each)
        for place, length in enumerate(lengths)
    ]


def _clip(place: int, length: int, shortest: int, longest: int, chance: Random) -> Clip:
    drawn = round(math.exp(math.log(shortest) + chance.random() * math.log(longest / shortest)))
    samples = min(drawn, length)
    first = int(chance.random() * (length - samples + 1))
    room = longest - samples
    before, behind = (_pause(chance, room // 2) for _ in range(2))
    noisy, snr_db = chance.random() < NOISE_SHARE, SNR_DB[0] + chance.random() * (SNR_DB[1] - SNR_DB[0])
    seed = int(chance.random() * 2**32)
    return Clip(place, first, samples, before, behind, snr_db if noisy else None, seed)


def _pause(chance: Random, room: int) -> int:
    has_one, length_s = chance.random() < PAUSE_SHARE, chance.random() * PAUSE_LIMIT_S
    return min(samples_of_s(length_s), room) if has_one else 0


def sound(clip: Clip, recording: Samples) -> Samples:
    """The samples of *clip*, (len(clip),), out of its *recording*."""
    speech = recording[clip.first_sample : clip.first_sample + clip.samples].astype(np.float64)
    padded = np.pad(speech, (clip.before, clip.behind))
    if clip.snr_db is not None:
        loudness = math.sqrt(float(np.mean(speech**2)))
        padded += _pink(len(padded), clip.seed) * loudness * 10 ** (-clip.snr_db / 20)
    return np.clip(np.rint(padded), -PEAK, PEAK).astype(np.int16)


def _pink(samples: int, seed: int) -> NDArray[np.float64]:
    """Noise of mean square 1 whose power falls with the frequency, as that of rooms does."""
    white = np.fft.rfft(np.random.default_rng(seed).standard_normal(samples))
    noise = np.fft.irfft(white / np.sqrt(np.maximum(np.arange(len(white)), 1)), samples)
    return np.asarray(noise / max(math.sqrt(float(np.mean(noise**2))), 1e-9))
