from __future__ import annotations

from training.metrics.bootstrap import measured_change, paired
from workers.asr.error_rates import Counts


def test_a_change_has_the_difference_and_interval_of_a_paired_bootstrap() -> None:
    base = [Counts(3, 10), Counts(2, 20), Counts(4, 10), Counts(1, 10)]
    trained = [Counts(1, 10), Counts(2, 20), Counts(2, 10), Counts(1, 10)]
    groups = ["anna", "anna", "ben", "clara"]
    figures = measured_change("wer", base, trained, groups)
    assert (figures["base_wer"], figures["wer"]) == (10 / 50, 6 / 50)
    expected = paired(base, trained, groups=groups)
    reported = (figures["wer_change"], figures["wer_change_low"], figures["wer_change_high"])
    assert reported == (expected.difference, expected.low, expected.high)
    assert expected.difference == 6 / 50 - 10 / 50
