"""Turn detection in real speech."""

from __future__ import annotations

import json

import numpy as np
import pytest

from api.openai.client_events import TurnDetection
from api.openai.turn_detection import TurnDetector, TurnEnded, TurnStarted
from bench.noise import noise_samples
from schema.core.units import BYTES_PER_SAMPLE, SAMPLE_RATE_HZ, samples_of_s
from tests.running_stack import SAMPLE_FOLDER, sample_meeting

PIECE_BYTES = 1234 * BYTES_PER_SAMPLE
SECOND = bytes(SAMPLE_RATE_HZ * BYTES_PER_SAMPLE)


def heard(
    pcm: bytes, settings: TurnDetection | None = None, piece_bytes: int = PIECE_BYTES
) -> list[TurnStarted | TurnEnded]:
    detector = TurnDetector(settings or TurnDetection(), 0)
    return [each for at in range(0, len(pcm), piece_bytes) for each in detector.process(pcm[at : at + piece_bytes])]


def test_a_turn_starts_and_ends_where_its_speech_does() -> None:
    first = json.loads((SAMPLE_FOLDER / "segments.json").read_text())[0]
    said = sample_meeting(first["end_s"])
    began, ended = heard(SECOND + said + SECOND)
    assert isinstance(began, TurnStarted)
    assert isinstance(ended, TurnEnded)
    assert abs(began.sample - samples_of_s(1 + first["start_s"] - 0.3)) < samples_of_s(0.3)
    assert abs(ended.spoken_sample - samples_of_s(1 + first["end_s"])) < samples_of_s(0.4)
    assert ended.sample - ended.spoken_sample == samples_of_s(0.5)


def test_turns_do_not_depend_on_the_size_of_the_pieces() -> None:
    pcm = sample_meeting(16.6) + SECOND
    assert heard(pcm, piece_bytes=640) == heard(pcm, piece_bytes=len(pcm))


def test_a_longer_silence_duration_gives_fewer_turns() -> None:
    pcm = sample_meeting(36.4) + SECOND * 3
    short, long = (heard(pcm, TurnDetection(silence_duration_ms=ms)) for ms in (200, 2000))
    assert 2 <= len(long) < len(short)
    for turns in (short, long):
        assert [type(each) for each in turns] == [TurnStarted, TurnEnded] * (len(turns) // 2)


def test_silence_hiss_and_clicks_start_no_turn() -> None:
    hiss = np.random.default_rng(1).normal(0, 8, 5 * SAMPLE_RATE_HZ).astype("<i2").tobytes()
    click = np.full(samples_of_s(0.04), 20_000, "<i2").tobytes()
    assert heard(SECOND + hiss + click + SECOND) == []


def test_speech_after_forget_starts_a_new_turn() -> None:
    detector = TurnDetector(TurnDetection(), 0)
    said = sample_meeting(5.0)
    assert [type(each) for each in detector.process(said)][:1] == [TurnStarted]
    detector.reset()
    again = detector.process(said)
    assert isinstance(again[0], TurnStarted)
    assert again[0].sample >= samples_of_s(5.0) - 320


@pytest.mark.parametrize("name", ["50 Hz", "mains hum", "fan", "pink noise"])
@pytest.mark.parametrize("level_db", [-6, 3])
def test_a_turn_ends_in_steady_noise_too(name: str, level_db: float) -> None:
    first = json.loads((SAMPLE_FOLDER / "segments.json").read_text())[0]
    said = np.frombuffer(sample_meeting(first["end_s"]), "<i2").astype(np.float64)
    voice_rms = float(np.sqrt(np.square(said[samples_of_s(first["start_s"]) :]).mean()))
    audio = np.concatenate([np.zeros(2 * SAMPLE_RATE_HZ), said, np.zeros(2 * SAMPLE_RATE_HZ)])
    mixed = audio + noise_samples(name, len(audio) / SAMPLE_RATE_HZ, voice_rms * 10 ** (level_db / 20))
    turns = heard(mixed.clip(-32_768, 32_767).astype("<i2").tobytes())
    assert [type(each) for each in turns] == [TurnStarted, TurnEnded] * (len(turns) // 2)
    assert 1 <= len(turns) // 2 <= 2
    began, ended = turns[0], turns[-1]
    assert isinstance(ended, TurnEnded)
    assert abs(began.sample - samples_of_s(2 + first["start_s"] - 0.3)) < samples_of_s(0.4)
    assert abs(ended.spoken_sample - samples_of_s(2 + first["end_s"])) < samples_of_s(0.5)


@pytest.mark.parametrize("rms", [100, 3000])
def test_steady_noise_alone_starts_no_turn(rms: float) -> None:
    assert heard(noise_samples("mains hum", 6, rms).tobytes()) == []
