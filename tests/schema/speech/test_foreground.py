"""Steady noise is taken out of the audio, and speech stays."""

from __future__ import annotations

import numpy as np
import pytest

from bench.noise import STEADY, noise_samples
from schema.core.units import SAMPLE_RATE_HZ, samples_of_s
from schema.speech.foreground import FRAME_SAMPLES, foreground
from schema.speech.vad import USUAL
from training.data.audio import Samples


@pytest.mark.parametrize("rms", [100, 4000])
@pytest.mark.parametrize("name", STEADY)
def test_steady_noise_does_not_stand_out(name: str, rms: float) -> None:
    assert foreground(noise_samples(name, 20, rms)).contrast_db.max() < 0.75 * USUAL.contrast_db


def test_a_pulsing_tone_does_not_stand_out() -> None:
    samples = noise_samples("pulsing tone", 10, 2000)
    assert np.median(foreground(samples).contrast_db) < USUAL.contrast_db


@pytest.mark.parametrize("name", ["100 Hz", "400 Hz", "1000 Hz", "two tones", "mains hum"])
def test_a_tone_is_reduced_by_20_db(name: str) -> None:
    samples = noise_samples(name, 10, 2000)
    assert np.sqrt(np.square(foreground(samples).frames[1:-1]).mean()) < 200


def test_a_tone_that_begins_later_is_reduced_from_its_beginning_on() -> None:
    samples = noise_samples("400 Hz", 10, 2000)
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
