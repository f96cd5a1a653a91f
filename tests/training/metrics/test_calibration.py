"""Areas, calibrated probabilities and their reliability."""

from __future__ import annotations

import numpy as np
import pytest

from training.metrics.calibration import area_under_curve, calibration_error, platt_scaling, reliability


def test_the_area_counts_pairs_in_the_right_order_and_ties_half() -> None:
    assert area_under_curve(np.array([0.9, 0.8]), np.array([0.1, 0.2])) == 1.0
    assert area_under_curve(np.array([0.5, 0.1]), np.array([0.5, 0.4])) == pytest.approx(0.375)
    assert np.isnan(area_under_curve(np.array([]), np.array([0.5])))


def test_scaling_finds_the_probabilities_that_drew_the_labels() -> None:
    dice = np.random.default_rng(1)
    logits = dice.normal(size=20_000)
    labels = (dice.random(20_000) < 1 / (1 + np.exp(-(2.0 * logits - 1.0)))).astype(np.float64)
    scale, shift = platt_scaling(logits, labels, np.ones_like(logits))
    assert (scale, shift) == pytest.approx((2.0, -1.0), abs=0.1)


def test_scaling_stays_finite_where_the_logits_separate_the_labels() -> None:
    scale, _ = platt_scaling(np.array([-2.0, -1.0, 1.0, 2.0]), np.array([0.0, 0.0, 1.0, 1.0]), np.ones(4))
    assert 1.0 < scale < 100.0


def test_bins_compare_probabilities_with_what_was_true() -> None:
    probabilities, labels = np.array([0.15, 0.15, 0.95, 1.0]), np.array([0.0, 1.0, 1.0, 1.0])
    low, high = reliability(probabilities, labels)
    assert (low.count, low.true) == (2, 0.5)
    assert low.probability == pytest.approx(0.15)
    assert (high.count, high.true) == (2, 1.0)
    assert calibration_error(probabilities, labels) == pytest.approx((0.35 * 2 + 0.025 * 2) / 4)
