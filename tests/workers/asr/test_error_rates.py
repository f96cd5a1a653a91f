"""Word and character error rates, compared with counts by hand and with the edit distance."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.asr.error_rates import Counts, character_errors, normalise, rate, word_error_rate, word_errors

WORDS = st.lists(st.sampled_from(["red", "green", "blue", "twenty", "isn't"]), min_size=1, max_size=9).map(" ".join)


def edit_distance(reference: Sequence[str], text: Sequence[str]) -> int:
    """The Levenshtein distance in plain Python, as an independent reference."""
    row = list(range(len(text) + 1))
    for expected_at, expected in enumerate(reference, 1):
        diagonal, row[0] = row[0], expected_at
        for at, actual in enumerate(text, 1):
            diagonal, row[at] = row[at], min(row[at] + 1, row[at - 1] + 1, diagonal + (expected != actual))
    return row[-1]


def test_word_errors_equal_a_count_by_hand() -> None:
    # "the" is missing, "sat" became "sits", "now" is too many
    assert word_errors("The cat sat on the mat.", "the cat sits on mat now") == Counts(3, 6)


def test_character_errors_equal_a_count_by_hand() -> None:
    assert character_errors("cat sat", "cat sits") == Counts(2, 7)


@given(WORDS, WORDS)
def test_word_errors_are_the_edit_distance_of_the_normalised_words(reference: str, hypothesis: str) -> None:
    expected, actual = normalise(reference).split(), normalise(hypothesis).split()
    assert word_errors(reference, hypothesis) == Counts(edit_distance(expected, actual), len(expected))
    assert word_error_rate([(reference, hypothesis)]) == pytest.approx(edit_distance(expected, actual) / len(expected))


@given(WORDS, WORDS)
def test_character_errors_are_the_edit_distance_of_the_normalised_texts(reference: str, hypothesis: str) -> None:
    expected, actual = normalise(reference), normalise(hypothesis)
    assert character_errors(reference, hypothesis) == Counts(edit_distance(expected, actual), len(expected))


def test_case_punctuation_and_numbers_do_not_count() -> None:
    assert word_errors("Three hundred euros, isn't it?", "300 euros is not it").counted == 0
    assert word_error_rate([("Three hundred euros, isn't it?", "300 euros is not it")]) == 0


def test_other_languages_keep_their_letters() -> None:
    assert word_errors("Съешь ещё булок!", "съешь ещё булок", "ru") == Counts(0, 3)
    assert word_errors("Съешь ещё булок!", "съел ещё булок", "ru") == Counts(1, 3)


def test_text_for_silence_counts_as_errors() -> None:
    assert word_errors("", "thank you") == Counts(2, 0)
    assert character_errors("?!", "ok") == Counts(2, 0)
    assert word_errors("", "").rate == 0.0
    assert word_errors("", "you").rate == 1.0


def test_the_rate_of_several_counts_is_that_of_their_sum() -> None:
    assert rate([Counts(1, 2), Counts(0, 8)]) == 0.1
    assert rate([]) == 0.0
    pairs = [("red green", "red queen"), ("blue black white pink", "blue black white")]
    assert word_error_rate(pairs) == pytest.approx(2 / 6)
