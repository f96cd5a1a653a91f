"""ROUGE and support, compared with counts by hand."""

from __future__ import annotations

import pytest

from training.metrics.summaries import evidence_overlap, length_ratio, novelty, rouge, supported
from workers.asr.error_rates import Counts
from workers.summarize.checking.evidence import Evidence
from workers.summarize.text.segment import SpokenSegment


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


def test_evidence_is_compared_with_human_links() -> None:
    found = evidence_overlap([1, 2, 2, 5], [2, 5, 6, 7])
    assert (found.precision, found.recall) == (Counts(2, 3), Counts(2, 4))
    assert found.f1 == pytest.approx(2 * (2 / 3) * (1 / 2) / (2 / 3 + 1 / 2))
    assert evidence_overlap([], []).f1 == 0.0


def test_supported_sentences_are_counted_as_in_minutes() -> None:
    evidence = Evidence([SpokenSegment(0, None, 0, 1, "The supplier raised the price of the screws by ten percent.")])
    summary = "The supplier raised the price of the screws. Anna flies to Lisbon on Friday."
    assert supported(summary, evidence) == Counts(1, 2)


def test_novelty_counts_what_is_not_in_the_source() -> None:
    source = "the price of screws went up"
    assert novelty("The price went up.", source) == Counts(0, 4)
    assert novelty("The price went up.", source, 2) == Counts(1, 3)  # price went
    assert novelty("Costs rose", source) == Counts(2, 2)


def test_the_length_ratio_is_relative_to_the_reference() -> None:
    assert length_ratio("one two three", "one two") == 1.5
