from __future__ import annotations

import numpy as np
import pytest

from bench.noise import STEADY, VARYING, noise_samples
from schema.speech.vad import speech_spans
from training.data.audio import Samples

SECOND = 16_000


def _noise(seconds: float, rms: float) -> Samples:
    noise = np.random.default_rng(0).normal(0, rms, int(seconds * SECOND))
    return noise.clip(-32_768, 32_767).astype(np.int16)


def _speech_s(samples: Samples) -> float:
    return sum(end - first for first, end in speech_spans(samples)) / SECOND


def test_digital_silence_contains_no_speech() -> None:
    assert speech_spans(np.zeros(10 * SECOND, np.int16)) == []


@pytest.mark.parametrize("rms", [3, 30, 300, 3000])
def test_steady_white_noise_contains_no_speech(rms: float) -> None:
    assert _speech_s(_noise(10, rms)) == 0


def test_clicks_contain_no_speech() -> None:
    samples = _noise(10, 5)
    for at in range(SECOND, len(samples), SECOND):
        samples[at : at + 80] = 20_000
    assert _speech_s(samples) == 0


@pytest.mark.parametrize("gain", [1.0, 0.1, 0.01, 0.003])
def test_speech_is_detected_at_any_loudness(meeting: Samples, gain: float) -> None:
    samples = (meeting[: 20 * SECOND] * gain).astype(np.int16)
    assert _speech_s(samples) > 0.75 * _speech_s(meeting[: 20 * SECOND])


def test_clipped_speech_is_detected(meeting: Samples) -> None:
    samples = (meeting[: 20 * SECOND].astype(np.float32) * 40).clip(-32_768, 32_767).astype(np.int16)
    assert _speech_s(samples) > 0.75 * _speech_s(meeting[: 20 * SECOND])


def test_silence_around_speech_is_left_out(meeting: Samples) -> None:
    quiet = np.zeros(2 * SECOND, np.int16)
    samples = np.concatenate([quiet, meeting[: 5 * SECOND], quiet])
    inner = speech_spans(meeting[: 5 * SECOND])
    spans = speech_spans(samples)
    assert abs(spans[0][0] - (2 * SECOND + inner[0][0])) < SECOND // 4
    assert abs(spans[-1][1] - (2 * SECOND + inner[-1][1])) < SECOND // 4


def test_spans_are_in_order_and_inside_the_audio(meeting: Samples) -> None:
    spans = speech_spans(meeting)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert edges[0] >= 0
    assert edges[-1] <= len(meeting)


@pytest.mark.parametrize("length", [0, 1, 479, 480, 481])
def test_tiny_pieces_contain_no_speech(length: int) -> None:
    assert speech_spans(np.ones(length, np.int16)) == []


def _overlap(samples: Samples, expected: Samples) -> tuple[float, float]:
    """The share of the speech in *expected* that is found in *samples*, and the share of the rest."""
    found, there = _mask(samples), _mask(expected)
    return float(found[there].mean()), float(found[~there].mean())


def _mask(samples: Samples) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    mask = np.zeros(len(samples), np.bool_)
    for first, end in speech_spans(samples):
        mask[first:end] = True
    return mask


def _mixed(speech: Samples, sound: Samples) -> Samples:
    return (speech.astype(np.int32) + sound).clip(-32_768, 32_767).astype(np.int16)


@pytest.fixture(scope="module")
def talk(meeting: Samples) -> Samples:
    return meeting[: 20 * SECOND]


SPEECH_RMS = 2500
"""About the RMS of `talk` where somebody speaks."""
TONES = [name for name in STEADY if name.endswith("Hz")]


@pytest.mark.parametrize("level_db", [3, 0, -3, -6])
@pytest.mark.parametrize("name", [*TONES, "two tones", "mains hum", "direct current"])
def test_speech_is_detected_beside_a_tone_or_hum(talk: Samples, name: str, level_db: float) -> None:
    samples = _mixed(talk, noise_samples(name, 20, SPEECH_RMS * 10 ** (level_db / 20)))
    found, invented = _overlap(samples, talk)
    assert found > 0.95
    assert invented < 0.1


@pytest.mark.parametrize(("name", "level_db"), [("brown noise", 0), ("fan", -3), ("pink noise", -6)])
def test_speech_is_detected_in_noise(talk: Samples, name: str, level_db: float) -> None:
    samples = _mixed(talk, noise_samples(name, 20, SPEECH_RMS * 10 ** (level_db / 20)))
    found, invented = _overlap(samples, talk)
    assert found > 0.85
    assert invented < 0.1


def test_speech_is_detected_beside_a_tone_that_begins_later(talk: Samples) -> None:
    sound = noise_samples("400 Hz", 20, 2 * SPEECH_RMS)
    sound[: 10 * SECOND] = 0
    found, invented = _overlap(_mixed(talk, sound), talk)
    assert found > 0.95
    assert invented < 0.1


@pytest.mark.parametrize("seconds", [0.12, 0.3, 0.6, 1, 2, 10])
@pytest.mark.parametrize("name", STEADY)
def test_noise_of_any_length_contains_no_speech(name: str, seconds: float) -> None:
    assert _speech_s(noise_samples(name, seconds, SPEECH_RMS)) == 0


@pytest.mark.parametrize("rms", [100, SPEECH_RMS, 8000])
@pytest.mark.parametrize("name", VARYING)
def test_tones_that_begin_end_or_change_contain_no_speech(name: str, rms: float) -> None:
    assert _speech_s(noise_samples(name, 10, rms)) == 0


@pytest.mark.parametrize("name", ["key tones", "ring tone", "siren", "arpeggio"])
def test_tones_over_the_noise_of_a_room_contain_no_speech(name: str) -> None:
    assert _speech_s(_mixed(noise_samples(name, 10, SPEECH_RMS), noise_samples("pink noise", 10, 50))) == 0


@pytest.mark.parametrize("name", ["key tones", "beeps", "ring tone", "siren", "whistling", "arpeggio"])
def test_speech_right_after_tones_is_detected(talk: Samples, name: str) -> None:
    sound = noise_samples(name, 5.25, SPEECH_RMS)
    found, _ = _overlap(np.concatenate([sound, talk]), np.concatenate([np.zeros_like(sound), talk]))
    assert found > 0.95


@pytest.mark.parametrize("name", ["key tones", "beeps", "siren", "whistling", "arpeggio"])
def test_speech_beside_tones_that_change_is_detected(talk: Samples, name: str) -> None:
    found, _ = _overlap(_mixed(talk, noise_samples(name, 20, SPEECH_RMS / 2)), talk)
    assert found > 0.95


@pytest.mark.parametrize("gain", [0.056, 0.03, 0.018], ids=["-25 dB", "-30 dB", "-35 dB"])
def test_a_far_voice_is_detected_beside_a_near_one(meeting: Samples, gain: float) -> None:
    turn = meeting[: int(9.4 * SECOND)]
    far = (turn * gain).astype(np.int16)
    found, _ = _overlap(np.concatenate([turn, far, turn]), np.concatenate([turn, turn, turn]))
    assert found > 0.9


def test_a_near_voice_does_not_raise_the_noise_of_the_room(meeting: Samples) -> None:
    turn = meeting[: int(9.4 * SECOND)]
    room = noise_samples("pink noise", 10, 60)
    assert speech_spans(np.concatenate([turn, room]))[-1][1] < len(turn) + SECOND // 4


@pytest.mark.parametrize("name", ["mains hum", "pink noise"])
def test_windows_that_overlap_find_the_same_speech(talk: Samples, name: str) -> None:
    """A worker that takes a track over may begin its window elsewhere."""
    samples = _mixed(talk, noise_samples(name, 20, SPEECH_RMS / 4))
    inner = slice(6 * SECOND, 14 * SECOND)
    one, other = _mask(samples)[inner], _mask(samples[5 * SECOND : 15 * SECOND])[SECOND : 9 * SECOND]
    assert (one == other).mean() > 0.95
