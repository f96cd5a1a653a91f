"""Makes the tracks of a meeting from the channels of a file: one mix of all, or one track for each channel."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from schema.core.units import samples_of_ms
from workers.ingest.sound import Pcm

FloatSound = NDArray[np.float32]
Energy = NDArray[np.float32]

FRAME_SAMPLES = samples_of_ms(250)
"""Channels are compared in frames of this length."""
DEAD_RMS = 4.0
"""A channel that was never louder, at -78 dB below full scale, is not in use."""
CANCELLED = 0.5
"""Channels cancel out if their mix has less than this part of the energy that unrelated channels would have."""
HELD_FRAMES = 2
"""Frames around one that cancels are treated like it."""
DIFFERENCE = 0.01
"""Channels are equal in a frame if their difference has less than this part of their energy. A codec may add it."""


class ChannelMix:
    """Mixes channels, or takes one of them where they would cancel out.

    A wrongly wired microphone has the same voice in both channels, but upside down in one: the mix is silent. So where
    the mix loses energy, the loudest channel stands for all. Channels that have not sounded yet do not count, so one
    dead channel makes the mix no quieter. `cancelled_samples` counts what was read from one channel.
    """

    def __init__(self) -> None:
        self.cancelled_samples = 0
        self._used: NDArray[np.bool_] = np.zeros(0, np.bool_)
        self._one = 0.0

    def take(self, block: Pcm) -> Pcm:
        """Mix a *block* of shape (channels, samples) to shape (1, samples)."""
        if len(block) == 1:
            return block
        energy = _energy(block)
        loud: NDArray[np.bool_] = energy.max(axis=1) > DEAD_RMS**2
        self._used = self._used | loud if self._used.size else loud
        rows = np.flatnonzero(self._used) if self._used.any() else np.arange(len(block))
        sound = block[rows].astype(np.float32)
        mixed = sound.mean(axis=0)
        cancels = self._cancels(energy[rows], _energy(mixed[np.newaxis])[0])
        if cancels.any() or self._one:
            mixed += self._weight(cancels, len(mixed)) * (sound[energy[rows].sum(axis=1).argmax()] - mixed)
        self._one = float(cancels[-1])
        whole: Pcm = np.rint(mixed).astype(np.int16)
        return whole[np.newaxis]

    def _cancels(self, energy: Energy, mixed: Energy) -> NDArray[np.bool_]:
        """For each frame, whether to take one channel. *energy* has the shape (channels, frames)."""
        unrelated = energy.sum(axis=0) / len(energy) ** 2
        cancels = (mixed < CANCELLED * unrelated) & (energy.max(axis=0) > DEAD_RMS**2)
        self.cancelled_samples += FRAME_SAMPLES * int(cancels.sum())
        around = np.convolve(cancels, np.ones(2 * HELD_FRAMES + 1))
        held: NDArray[np.bool_] = around[HELD_FRAMES:-HELD_FRAMES] > 0
        return held

    def _weight(self, cancels: NDArray[np.bool_], samples: int) -> FloatSound:
        """The weight of the one channel in each sample. It changes over the length of a frame, so nothing clicks."""
        middles = FRAME_SAMPLES * (np.arange(-1, len(cancels)) + 0.5)
        weights = np.interp(np.arange(samples), middles, [self._one, *cancels.astype(float)])
        return np.asarray(weights, np.float32)


class StreamMix:
    """Mixes the channels of each stream, and then the streams, which have *widths* channels."""

    def __init__(self, widths: Sequence[int]) -> None:
        self._rows = [slice(first, end) for first, end in pairwise(np.cumsum([0, *widths]).tolist())]
        self._mixes = [ChannelMix() for _ in widths]
        self._whole = ChannelMix()

    @property
    def cancelled_samples(self) -> int:
        return max(each.cancelled_samples for each in (*self._mixes, self._whole))

    def take(self, block: Pcm) -> Pcm:
        """Mix a *block* of shape (channels, samples) to shape (1, samples)."""
        each = [mix.take(block[rows]) for mix, rows in zip(self._mixes, self._rows, strict=True)]
        return self._whole.take(np.concatenate(each))


class EqualChannels:
    """Finds channels with the same sound, also upside down: a recording of one microphone in a file for two.

    `pairs` holds the pairs that were equal in all blocks so far.
    """

    def __init__(self, channels: int) -> None:
        self.pairs = set(combinations(range(channels), 2))

    def take(self, block: Pcm) -> None:
        """Compare the channels of a *block* of shape (channels, samples)."""
        self.pairs = {(one, other) for one, other in self.pairs if _are_equal(block[one], block[other])}

    def distinct(self, channels: int) -> list[int]:
        """The channels without those that repeat an earlier one."""
        repeated = {other for _, other in self.pairs}
        return [each for each in range(channels) if each not in repeated]


def _are_equal(one: Pcm, other: Pcm) -> bool:
    first, second = one.astype(np.float32), other.astype(np.float32)
    energy, difference, total = _energy(np.stack([first, first - second, first + second]))
    return bool((np.minimum(difference, total) <= np.maximum(DIFFERENCE * energy, DEAD_RMS**2)).all())


def _energy(block: NDArray[np.int16] | FloatSound) -> Energy:
    """The mean square of each channel in each frame: (channels, frames). The last frame may be shorter."""
    channels, samples = block.shape
    frames = -(-samples // FRAME_SAMPLES)
    padded = np.zeros((channels, frames * FRAME_SAMPLES), np.float32)
    padded[:, :samples] = block
    energy: Energy = np.square(padded.reshape(channels, frames, FRAME_SAMPLES)).mean(axis=2)
    return energy
