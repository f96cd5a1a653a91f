from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.data.audio import Samples
from workers.asr.engine import Engine
from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.repetition import compression_ratio, runs_away
from workers.asr.streaming.guard import Judgement, judge, transcribe_guarded

SECOND = 16_000
WINDOW = Window(np.zeros(10 * SECOND, np.int16))


def _hypothesis(text: str) -> Hypothesis:
    words = tuple(Word(f" {word}", 0, SECOND, 0.9) for word in text.split())
    return Hypothesis(words, (0,) * len(words), -0.2, 0.0, compression_ratio(text))


GOOD = _hypothesis("The newsletter is scheduled for Thursday at ten, and I need to change it.")


def test_plain_speech_passes() -> None:
    assert judge(GOOD, WINDOW).judgement is Judgement.OK


def test_repetition_for_emphasis_passes() -> None:
    assert judge(_hypothesis("No, no, no, that is very, very good."), WINDOW).judgement is Judgement.OK


@pytest.mark.parametrize(
    "text",
    [
        "thank you for watching " * 12,
        "and then we go and then we go and then we go and then we go home",
        "so so so so so so so",
    ],
)
def test_repetition_is_retried(text: str) -> None:
    verdict = judge(_hypothesis(text), WINDOW)
    assert verdict.judgement is Judgement.RETRY
    assert "repetition" in verdict.reason


def test_low_confidence_is_retried() -> None:
    assert judge(replace(GOOD, avg_logprob=-1.4), WINDOW).judgement is Judgement.RETRY


def test_low_confidence_with_a_high_no_speech_probability_is_no_speech() -> None:
    assert judge(replace(GOOD, avg_logprob=-1.4, no_speech_prob=0.9), WINDOW).judgement is Judgement.NO_SPEECH


def test_more_words_per_second_than_anyone_says_are_retried() -> None:
    verdict = judge(GOOD, replace(WINDOW, samples=WINDOW.samples[:SECOND]))
    assert verdict.judgement is Judgement.RETRY
    assert "words a second" in verdict.reason


def test_the_audio_of_a_prefix_does_not_count_for_the_rate_of_words() -> None:
    prefix = (Word(" Good", 0, 9 * SECOND, 1.0),)
    assert judge(GOOD, replace(WINDOW, prefix=prefix)).judgement is Judgement.RETRY


def test_loops_of_tokens_are_detected() -> None:
    assert runs_away([7] * 12)
    assert runs_away([1, 2, 3, 4, 5] * 4)
    assert not runs_away([1, 2, 3, 4, 5] * 3)
    assert not runs_away(list(range(40)))


@pytest.mark.model
def test_speech_passes_with_unchanged_words(engine: Engine, meeting: Samples) -> None:
    window = Window(meeting[: 9 * SECOND])
    ((hypothesis, verdict),) = transcribe_guarded(engine, [window])
    assert verdict.judgement is Judgement.OK
    assert hypothesis.text == engine.transcribe([window])[0].text


@pytest.mark.model
@pytest.mark.parametrize("kind", ["silence", "noise", "tone"])
def test_silence_noise_and_a_tone_give_no_sentence(engine: Engine, kind: str) -> None:
    time_s = np.arange(12 * SECOND) / SECOND
    noise = np.random.default_rng(0).normal(0, 500, len(time_s))
    sound = {"silence": 0 * time_s, "noise": noise, "tone": 4000 * np.sin(2 * np.pi * 440 * time_s)}[kind]
    ((hypothesis, verdict),) = transcribe_guarded(engine, [Window(sound.astype(np.int16))])
    assert verdict.judgement is not Judgement.OK or len(hypothesis.words) <= 2
