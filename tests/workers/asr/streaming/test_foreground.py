"""Steady noise is taken out of the audio, and speech stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pytest
from numpy.typing import NDArray

from schema.core.units import SAMPLE_RATE_HZ, samples_of_s
from training.data.audio import Samples
from workers.asr.streaming.foreground import FRAME_SAMPLES, foreground
from workers.asr.streaming.vad import USUAL

Signal = NDArray[np.float64]


def tone(hertz: float, n: int) -> Signal:
    """A sine with an RMS of 1."""
    sine: Signal = np.sqrt(2) * np.sin(2 * np.pi * hertz * np.arange(n) / SAMPLE_RATE_HZ)
    return sine


def hum(hertz: float, n: int) -> Signal:
    return _unit(np.sum([tone(hertz * k, n) / k for k in range(1, 13)], axis=0))


def coloured(slope: float, n: int) -> Signal:
    """Noise whose power falls with frequency to the power of *slope*: 0 is white, 1 pink, 2 brown."""
    spectrum = np.fft.rfft(np.random.default_rng(5).normal(size=n))
    hertz = np.maximum(np.fft.rfftfreq(n, 1 / SAMPLE_RATE_HZ), 20)
    return _unit(np.fft.irfft(spectrum * hertz ** (-slope / 2), n))


def pulsing(hertz: float, n: int) -> Signal:
    return _unit(tone(hertz, n) * (1 + tone(4, n) / np.sqrt(2)))


def _unit(signal: Signal) -> Signal:
    scaled: Signal = signal / np.sqrt(np.square(signal).mean())
    return scaled


NOISES: Mapping[str, Callable[[int], Signal]] = {
    **{f"{hertz} Hz": partial(tone, hertz) for hertz in (20, 50, 100, 180, 250, 400, 700, 1000)},
    "two tones": lambda n: _unit(tone(300, n) + tone(810, n)),
    "mains hum": partial(hum, 50),
    "fan": lambda n: _unit(coloured(1.6, n) + 0.7 * tone(87, n) + 0.4 * tone(174, n)),
    "white noise": partial(coloured, 0),
    "pink noise": partial(coloured, 1),
    "brown noise": partial(coloured, 2),
    "direct current": np.ones,
}


def noise(name: str, seconds: float, rms: float) -> Samples:
    return np.clip(rms * NOISES[name](samples_of_s(seconds)), -32_768, 32_767).astype(np.int16)


@pytest.mark.parametrize("rms", [100, 4000])
@pytest.mark.parametrize("name", NOISES)
def test_steady_noise_does_not_stand_out(name: str, rms: float) -> None:
    assert foreground(noise(name, 20, rms)).contrast_db.max() < 0.75 * USUAL.contrast_db


def test_a_pulsing_tone_does_not_stand_out() -> None:
    samples = (2000 * pulsing(400, samples_of_s(10))).astype(np.int16)
    assert np.median(foreground(samples).contrast_db) < USUAL.contrast_db


@pytest.mark.parametrize("name", ["100 Hz", "400 Hz", "1000 Hz", "two tones", "mains hum"])
def test_a_tone_is_reduced_by_20_db(name: str) -> None:
    samples = noise(name, 10, 2000)
    assert np.sqrt(np.square(foreground(samples).frames[1:-1]).mean()) < 200


def test_a_tone_that_begins_later_is_reduced_from_its_beginning_on() -> None:
    samples = noise("400 Hz", 10, 2000)
    begin = len(samples) // 2
    samples[:begin] = 0
    frames = foreground(samples).frames[begin // FRAME_SAMPLES + 2 : -1]
    assert np.sqrt(np.square(frames).mean()) < 200


def test_clean_speech_stays_the_same(meeting: Samples) -> None:
    samples = meeting[: samples_of_s(10)]
    frames = foreground(samples).frames
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(len(samples), 1 / SAMPLE_RATE_HZ)
    spectrum[(hertz < 80) | (hertz > 4400)] = 0
    original = np.fft.irfft(spectrum, len(samples))[: frames.size].reshape(frames.shape)
    error = np.square(original - frames).mean() / np.square(original).mean()
    assert error < 0.01


def test_the_level_follows_a_quiet_voice_after_a_loud_one(meeting: Samples) -> None:
    loud = meeting[: samples_of_s(9)]
    level = foreground(np.concatenate([loud, (loud * 0.03).astype(np.int16)])).level
    half = len(level) // 2
    assert np.median(level[half + 30 :]) < 0.05 * np.median(level[: half - 30])
