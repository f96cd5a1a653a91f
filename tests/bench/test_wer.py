"""The word error rate is the usual one."""

from __future__ import annotations

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.wer import edit_distance, word_error_rate

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=12)


@given(TEXTS, TEXTS)
def test_the_distance_is_that_of_jiwer(reference: list[str], text: list[str]) -> None:
    assert edit_distance(reference, text) / len(reference) == pytest.approx(
        jiwer.wer(" ".join(reference), " ".join(text))
    )


def test_spelling_of_numbers_case_and_punctuation_do_not_count() -> None:
    assert word_error_rate([("Three hundred euros, isn't it?", "300 euros is not it")]) == 0


def test_errors_are_counted_over_all_texts() -> None:
    pairs = [("red green", "red queen"), ("blue black white pink", "blue black white")]
    assert word_error_rate(pairs) == pytest.approx(2 / 6)
