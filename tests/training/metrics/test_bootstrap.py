"""Bootstrap intervals, compared with definitions and their coverage."""

from __future__ import annotations

import numpy as np
import pytest

from training.metrics.bootstrap import interval, measured_change, paired
from workers.asr.error_rates import Counts


def test_the_difference_is_that_of_rates_or_means() -> None:
    a, b = [Counts(5, 10), Counts(0, 90)], [Counts(1, 10), Counts(0, 90)]
    assert paired(a, b).difference == pytest.approx(0.01 - 0.05)
    assert paired([0.1, 0.3], [0.4, 0.2]).difference == pytest.approx(0.1)


def test_the_interval_equals_that_of_a_plain_loop() -> None:
    chance = np.random.default_rng(5)
    a = [Counts(int(errors), int(words)) for errors, words in chance.integers([0, 5], [6, 30], (40, 2))]
    b = [Counts(max(each.counted - 1, 0), each.total) for each in a]
    draws = []
    for _ in range(4000):
        drawn = chance.integers(0, 40, 40)
        first, second = sum((a[i] for i in drawn), Counts(0, 0)), sum((b[i] for i in drawn), Counts(0, 0))
        draws.append(second.rate - first.rate)
    low, high = np.quantile(draws, [0.025, 0.975])
    found = paired(a, b)
    assert (found.low, found.high) == pytest.approx((low, high), abs=0.004)
    assert found.excludes_zero


def test_the_interval_of_similar_systems_includes_zero() -> None:
    chance = np.random.default_rng(3)
    a = chance.normal(0.3, 0.1, 60)
    assert not paired(list(a), list(a + chance.normal(0, 0.1, 60))).excludes_zero
    same = paired(list(a), list(a))
    assert (same.difference, same.low, same.high) == (0, 0, 0)


def test_the_interval_contains_the_mean_as_often_as_promised() -> None:
    chance = np.random.default_rng(11)
    found = [interval(list(chance.normal(1.0, 1.0, 50)), resamples=400, seed=k) for k in range(300)]
    assert 0.90 <= np.mean([each.low <= 1.0 <= each.high for each in found]) <= 0.98


def test_examples_of_one_meeting_are_drawn_together() -> None:
    values = [0.0] * 50 + [1.0] * 50
    apart = interval(values)
    together = interval(values, groups=["one"] * 50 + ["two"] * 50)
    assert together.difference == apart.difference == 0.5
    assert (together.low, together.high) == (0.0, 1.0)
    assert apart.high - apart.low < 0.25


def test_the_same_seed_gives_the_same_interval() -> None:
    values = [0.1, 0.5, 0.2, 0.9]
    assert interval(values, seed=4) == interval(values, seed=4)
    assert interval(values, seed=4, resamples=300) != interval(values, seed=5, resamples=300)


def test_drawing_in_chunks_gives_the_whole_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.metrics.bootstrap.CHUNK_CELLS", 12)
    found = interval([0.0, 1.0, 0.0, 1.0], resamples=1000)
    assert (found.low, found.high) == (0.0, 1.0)


def test_unpaired_and_missing_values_are_refused() -> None:
    with pytest.raises(ValueError, match="1 and 2 values"):
        paired([1.0], [1.0, 2.0])
    with pytest.raises(ValueError, match="at least one"):
        interval([])


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
