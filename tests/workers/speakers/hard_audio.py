"""Audio that makes voices hard to tell apart: made of real readers, or synthesised."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle, islice

import numpy as np
from numpy.typing import NDArray

from schema.core.units import SAMPLE_RATE_HZ, samples_of_s
from training.data.audio import Samples

Waveform = NDArray[np.float64]
"""(samples,) in the range of int16."""


def turns(voices: Sequence[Samples], turn_s: float, rounds: int, gap_s: float = 0.3) -> tuple[Samples, list[int]]:
    """The *voices* in turn, *turn_s* of each at a time, and the voice of each turn. The last turns may be shorter."""
    length, gap = samples_of_s(turn_s), np.zeros(samples_of_s(gap_s), np.int16)
    parts: list[Samples] = []
    order = list(islice(cycle(range(len(voices))), rounds * len(voices)))
    for number, voice in enumerate(order):
        start = number // len(voices) * length
        parts += [voices[voice][start : start + length], gap]
    return np.concatenate(parts), order


def whispered(speech: Samples) -> Samples:
    """The words without a voice: noise with the spectrum of the speech, a twentieth of a second at a time."""
    rng, size = np.random.default_rng(2), 800
    out = np.zeros(len(speech))
    window = np.hanning(size)
    for start in range(0, len(speech) - size, size // 2):
        spectrum = np.abs(np.fft.rfft(speech[start : start + size] * window))
        smooth = np.convolve(spectrum, np.ones(9) / 9, "same")
        phase = np.exp(2j * np.pi * rng.random(len(smooth)))
        out[start : start + size] += np.fft.irfft(smooth * phase) * window
    return as_samples(out * 0.5)


def telephone(speech: Samples) -> Samples:
    """Only 300 to 3400 Hz, with the steps of 8-bit mu-law."""
    spectrum = np.fft.rfft(speech.astype(np.float64))
    pitch = np.fft.rfftfreq(len(speech), 1 / SAMPLE_RATE_HZ)
    spectrum[(pitch < 300) | (pitch > 3400)] = 0
    level = np.clip(np.fft.irfft(spectrum, len(speech)) / 32768, -1, 1)
    steps = np.round(np.sign(level) * np.log1p(255 * np.abs(level)) / np.log(256) * 127) / 127
    return as_samples(np.sign(steps) * (256 ** np.abs(steps) - 1) / 255 * 32768)


def music(seconds: float) -> Samples:
    """Chords of three notes with overtones, a new one every half second."""
    at = np.arange(samples_of_s(seconds)) / SAMPLE_RATE_HZ
    roots = np.array([220.0, 261.6, 196.0, 293.7])[(at * 2).astype(int) % 4]
    phase = 2 * np.pi * np.cumsum(roots) / SAMPLE_RATE_HZ
    notes = sum(np.sin(step * over * phase) / over for step in (1, 1.25, 1.5) for over in range(1, 6))
    return as_samples(np.asarray(notes) * 1500 * (0.4 + 0.6 * np.exp(-6 * (at * 2 % 1))))


def crying(seconds: float) -> Samples:
    """A child: wails of about a second that rise and fall between 350 and 600 Hz, with breath between them."""
    at = np.arange(samples_of_s(seconds)) / SAMPLE_RATE_HZ
    inside = at % 1.2 / 1.0
    pitch = 350 + 250 * np.sin(np.pi * np.clip(inside, 0, 1)) + 8 * np.sin(2 * np.pi * 6 * at)
    phase = 2 * np.pi * np.cumsum(pitch) / SAMPLE_RATE_HZ
    tone = sum(np.sin(over * phase) / over**0.7 for over in range(1, 10))
    return as_samples(np.asarray(tone) * 2500 * np.sin(np.pi * np.clip(inside, 0, 1)))


def laughter(seconds: float) -> Samples:
    """Breathy bursts, five a second, over a voice of 250 Hz."""
    at = np.arange(samples_of_s(seconds)) / SAMPLE_RATE_HZ
    bursts = np.clip(np.sin(2 * np.pi * 5 * at), 0, 1) ** 2
    noise = np.random.default_rng(3).standard_normal(len(at))
    tone = sum(np.sin(2 * np.pi * 250 * over * at) / over for over in range(1, 8))
    return as_samples((np.asarray(tone) * 2000 + noise * 1200) * bursts)


def as_samples(sound: Waveform) -> Samples:
    return np.clip(sound, -32768, 32767).astype(np.int16)
