"""ROUGE compared with counts by hand, in several scripts."""

from __future__ import annotations

import pytest

from training.metrics.summaries import rouge


def test_the_figures_of_a_sentence_equal_those_counted_by_hand() -> None:
    found = rouge("the cat sat on the mat", "the cat lay on a mat")
    assert found.r1 == pytest.approx(4 / 6)  # the, cat, on, mat
    assert found.r2 == pytest.approx(1 / 5)  # the cat
    assert found.l == pytest.approx(4 / 6)  # the cat … on … mat
    assert found.lsum == found.l


def test_the_order_of_sentences_changes_rouge_l_but_not_rouge_lsum() -> None:
    found = rouge("Rain is coming. We leave soon.", "We leave soon. Rain is coming.")
    assert (found.r1, found.lsum) == (1.0, 1.0)
    assert found.l == pytest.approx(0.5)


def test_english_is_stemmed() -> None:
    assert rouge("he walked", "he walks").r1 == 1.0


def test_russian_words_are_counted() -> None:
    found = rouge("Банк поднял ставку.", "Банк снизил ставку", "ru")
    assert found.r1 == pytest.approx(2 / 3)
    assert found.r2 == 0.0
    assert found.l == pytest.approx(2 / 3)


def test_chinese_is_counted_by_character() -> None:
    assert rouge("会议结束", "会议开始", "zh").r1 == pytest.approx(0.5)


def test_an_empty_summary_scores_nothing() -> None:
    assert rouge("something", "") == rouge("something", "...")
    assert rouge("something", "").r1 == 0.0
