"""Measures of how far a summary is supported by its source."""

from __future__ import annotations

import pytest

from training.metrics.summaries import evidence_overlap, length_ratio, novelty, supported
from workers.asr.error_rates import Counts
from workers.summarize.checking.evidence import Evidence
from workers.summarize.text.segment import SpokenSegment


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
