"""Quiet speech beside loud speech is amplified, and nothing else is changed."""

from __future__ import annotations

import numpy as np
import pytest

from schema.core.units import samples_of_s
from schema.speech.vad import speech_spans
from training.data.audio import Samples
from workers.asr.streaming.levelling import levelled


def tone(seconds: float, rms: float) -> Samples:
    swing = np.sin(2 * np.pi * 300 * np.arange(samples_of_s(seconds)) / samples_of_s(1))
    return np.asarray(np.sqrt(2) * rms * swing, np.int16)


def rms(samples: Samples) -> float:
    return float(np.sqrt(np.square(samples.astype(np.float64)).mean()))


def near_and_far(far_rms: float, far_s: float = 3) -> Samples:
    """A near voice of 2 s, a far one, and the near one again."""
    return np.concatenate([tone(2, 3000), tone(far_s, far_rms), tone(2, 3000)])


def whole(samples: Samples) -> list[tuple[int, int]]:
    return [(0, len(samples))]


@pytest.mark.parametrize("far_rms", [200, 95], ids=["-24 dB", "-30 dB"])
def test_a_far_voice_is_amplified_to_15_db_below_the_near_one(far_rms: float) -> None:
    audio = near_and_far(far_rms)
    inner = slice(samples_of_s(2.5), samples_of_s(4.5))
    assert rms(levelled(audio, whole(audio))[inner]) == pytest.approx(3000 * 10 ** (-15 / 20), rel=0.05)


def test_the_near_voice_is_not_changed() -> None:
    audio = near_and_far(95)
    result = levelled(audio, whole(audio))
    for near in (slice(0, samples_of_s(2)), slice(samples_of_s(5), None)):
        assert np.array_equal(result[near], audio[near])


@pytest.mark.parametrize(("far_rms", "far_s"), [(400, 3), (95, 1.0)], ids=["not quiet", "a soft syllable"])
def test_louder_speech_and_short_dips_are_not_changed(far_rms: float, far_s: float) -> None:
    audio = near_and_far(far_rms, far_s)
    assert levelled(audio, whole(audio)) is audio


def test_audio_without_speech_is_not_changed() -> None:
    for audio in (near_and_far(95), np.zeros(0, np.int16)):
        assert levelled(audio, []) is audio


def test_what_is_no_speech_is_not_changed() -> None:
    audio = near_and_far(95)
    speech = [(0, samples_of_s(2)), (samples_of_s(5), len(audio))]
    assert levelled(audio, speech) is audio


def test_nothing_is_amplified_above_the_limit() -> None:
    audio = near_and_far(6)
    result = levelled(audio, whole(audio))
    assert rms(result[samples_of_s(3) : samples_of_s(4)]) == pytest.approx(
        30 * rms(audio[samples_of_s(3) : samples_of_s(4)]), rel=0.01
    )


def test_a_click_in_a_far_voice_is_limited_and_does_not_wrap() -> None:
    audio = np.concatenate([tone(2, 20_000), tone(3, 100), tone(2, 20_000)])
    click = samples_of_s(3.5)
    audio[click] = -32_768
    assert levelled(audio, whole(audio))[click] == -32_768


@pytest.mark.parametrize("seconds", [0.01, 0.5])
def test_short_audio_keeps_its_length(seconds: float) -> None:
    audio = tone(seconds, 1000)
    assert len(levelled(audio, whole(audio))) == len(audio)


@pytest.mark.parametrize("gain", [1.0, 0.01], ids=["usual", "very quiet"])
def test_a_meeting_in_which_all_voices_are_near_is_not_changed(meeting: Samples, gain: float) -> None:
    for first in range(0, len(meeting), samples_of_s(12)):
        audio = (gain * meeting[first : first + samples_of_s(12)]).astype(np.int16)
        changed = levelled(audio, speech_spans(audio)) != audio
        assert changed.mean() <= 0.05
