"""Error rates are the usual ones."""

from __future__ import annotations

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.wer import word_error_rate
from training.metrics.errors import Counts, character_errors, normalise, rate, word_errors

WORDS = st.lists(st.sampled_from(["red", "green", "blue", "twenty", "isn't"]), min_size=1, max_size=9).map(" ".join)


def test_words_are_counted_by_hand() -> None:
    # "the" is missing, "sat" became "sits", "now" is too many
    assert word_errors("The cat sat on the mat.", "the cat sits on mat now") == Counts(3, 6)


def test_characters_are_counted_by_hand() -> None:
    assert character_errors("cat sat", "cat sits") == Counts(2, 7)


@given(WORDS, WORDS)
def test_rates_are_those_of_jiwer_and_of_the_benchmarks(reference: str, hypothesis: str) -> None:
    counts = word_errors(reference, hypothesis)
    assert counts.rate == pytest.approx(jiwer.wer(normalise(reference), normalise(hypothesis)))
    assert counts.rate == pytest.approx(word_error_rate([(reference, hypothesis)]))


def test_case_punctuation_and_numbers_do_not_count() -> None:
    assert word_errors("Three hundred euros, isn't it?", "300 euros is not it").counted == 0


def test_other_languages_keep_their_letters() -> None:
    assert word_errors("Съешь ещё булок!", "съешь ещё булок", "ru") == Counts(0, 3)
    assert word_errors("Съешь ещё булок!", "съел ещё булок", "ru") == Counts(1, 3)


def test_text_out_of_silence_is_all_errors() -> None:
    assert word_errors("", "thank you") == Counts(2, 0)
    assert character_errors("?!", "ok") == Counts(2, 0)
    assert word_errors("", "").rate == 0.0
    assert word_errors("", "you").rate == 1.0


def test_the_rate_of_several_is_that_of_their_sum() -> None:
    assert rate([Counts(1, 2), Counts(0, 8)]) == 0.1
    assert rate([]) == 0.0
