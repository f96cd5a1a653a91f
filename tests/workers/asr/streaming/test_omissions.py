"""Speech that a hypothesis omits is detected, wherever it lies."""

from __future__ import annotations

import numpy as np
import pytest

from workers.asr.hypothesis import Hypothesis, Window, Word
from workers.asr.streaming.guard import Judgement, judge
from workers.asr.streaming.omissions import passed_over

SECOND = 16_000
TALK = ((0, 20 * SECOND),)


def word(start_s: float, end_s: float) -> Word:
    return Word(f" word{start_s}", int(start_s * SECOND), int(end_s * SECOND), 0.9)


def steady(first_s: float, end_s: float) -> list[Word]:
    return [word(at, at + 0.4) for at in np.arange(first_s, end_s, 0.5)]


def hypothesis_of(words: list[Word], no_speech_prob: float = 0.0) -> Hypothesis:
    return Hypothesis(tuple(words), (0,) * len(words), -0.2, no_speech_prob, 1.0)


def test_complete_words_omit_no_speech() -> None:
    assert passed_over(steady(0, 20), TALK, 0) is None


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ([*steady(0, 5), *steady(9, 20)], 10),
        ([*steady(0, 5), word(5, 12), *steady(12, 20)], 10),
        (steady(4, 20), 0),
    ],
    ids=["between words", "under a stretched word", "before the first word"],
)
def test_omitted_speech_is_found_at_the_word_after_it(words: list[Word], place: int) -> None:
    assert passed_over(words, TALK, 0) == place


def test_a_pause_is_not_omitted_speech() -> None:
    speech = ((0, 5 * SECOND), (9 * SECOND, 20 * SECOND))
    assert passed_over([*steady(0, 5), *steady(9, 20)], speech, 0) is None


def test_a_hypothesis_that_omits_speech_is_retried_and_otherwise_accepted() -> None:
    window = Window(np.zeros(20 * SECOND, np.int16), speech=TALK)
    verdict = judge(hypothesis_of([*steady(0, 5), *steady(9, 20)]), window)
    assert (verdict.judgement, verdict.otherwise) == (Judgement.RETRY, Judgement.OK)


def test_speech_without_words_is_retried_and_otherwise_booked_as_silent_with_the_reason() -> None:
    window = Window(np.zeros(20 * SECOND, np.int16), speech=TALK)
    verdict = judge(hypothesis_of([]), window)
    assert (verdict.judgement, verdict.otherwise) == (Judgement.RETRY, Judgement.NO_SPEECH)
    assert "sounds like speech" in verdict.reason


def test_without_words_a_high_no_speech_probability_is_no_speech() -> None:
    window = Window(np.zeros(20 * SECOND, np.int16), speech=TALK)
    assert judge(hypothesis_of([], no_speech_prob=0.9), window).judgement is Judgement.NO_SPEECH
