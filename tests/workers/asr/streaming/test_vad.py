from __future__ import annotations

import numpy as np
import pytest

from training.data.audio import Samples
from workers.asr.streaming.vad import speech_spans

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
