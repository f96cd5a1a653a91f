"""The measure of speech that is booked as transcribed although no word covers it."""

from __future__ import annotations

import numpy as np
import pytest

from bench.omissions import lost_words, uncovered_samples
from bench.policies import LabelledRecording, Replay
from schema.core.states import CoverageKind
from schema.core.units import s_of_samples, samples_of_s
from training.data.audio import Samples
from workers.asr.hypothesis import Word
from workers.asr.streaming.track import CommittedSpan

LENGTH_S = 8.0


@pytest.fixture
def talk() -> Samples:
    """Eight seconds that voice activity detection takes for speech throughout: a hum that swells all the time."""
    time_s = np.arange(samples_of_s(LENGTH_S)) / samples_of_s(1)
    hum = sum(np.sin(2 * np.pi * 150 * k * time_s) / k for k in range(1, 12))
    return (3000 * hum * (0.55 + 0.45 * np.sin(2 * np.pi * 4 * time_s))).astype(np.int16)


def track(samples: Samples, words: list[tuple[str, float, float]], kind: CoverageKind) -> Replay:
    spoken = [Word(text, samples_of_s(first), samples_of_s(end), 0.9) for text, first, end in words]
    return Replay(LabelledRecording("talk", samples, ""), words=spoken, spans=[CommittedSpan(0, len(samples), kind)])


def test_a_stretched_word_covers_no_more_than_its_letters_take(talk: Samples) -> None:
    stretched = track(talk, [("word", 0, LENGTH_S)], CoverageKind.TRANSCRIBED)
    assert s_of_samples(uncovered_samples(stretched)) == pytest.approx(LENGTH_S - 0.62, abs=0.2)


def test_failed_speech_is_not_uncovered(talk: Samples) -> None:
    assert uncovered_samples(track(talk, [], CoverageKind.FAILED)) == 0


def test_words_one_after_another_leave_nothing_uncovered(talk: Samples) -> None:
    words = [("word", at / 2, at / 2 + 0.4) for at in range(round(2 * LENGTH_S))]
    assert uncovered_samples(track(talk, words, CoverageKind.TRANSCRIBED)) == 0


def test_only_runs_of_missing_words_are_lost() -> None:
    reference = "We fix the parser today. Nobody tests it before the launch on Monday."
    assert lost_words(reference, "We fix the parser today.") == 8
    assert lost_words(reference, "We fix a parser. Nobody tests before the launch Monday.") == 0
