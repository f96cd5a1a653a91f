"""How well probabilities of two outcomes separate them, and whether they mean what they say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
_STEPS = 50


def area_under_curve(true: Doubles, false: Doubles) -> float:
    """The share of pairs of a true and a false one in which the true one scores higher; half where they are equal.

    NaN if either is empty.
    """
    if not len(true) or not len(false):
        return float("nan")
    ordered = np.sort(false)
    places = np.searchsorted(ordered, true, "left") + np.searchsorted(ordered, true, "right")
    return float(places.mean() / 2 / len(ordered))


def platt_scaling(logits: Doubles, labels: Doubles, weights: Doubles) -> tuple[float, float]:
    """Scale and shift with which the *logits* (N,) give the likeliest probabilities of *labels* (0 or 1).

    Platt 1999, by Newton's method. A little ridge keeps the fit finite where the logits separate the labels.
    """
    rows = np.stack([logits, np.ones_like(logits)], axis=1)
    found = np.array([1.0, 0.0])
    for _ in range(_STEPS):
        known = 1 / (1 + np.exp(-rows @ found))
        slope = rows.T @ (weights * (known - labels)) + 1e-3 * (found - (1.0, 0.0))
        curvature = (rows * (weights * known * (1 - known))[:, None]).T @ rows + 1e-3 * np.eye(2)
        found = found - np.linalg.solve(curvature, slope)
    return float(found[0]), float(found[1])


@dataclass(frozen=True, slots=True)
class Bin:
    """Claims with about the same probability: how many, the mean of it, and the share of them that is true."""

    count: int
    probability: float
    true: float


def reliability(probabilities: Doubles, labels: Doubles, bins: int = 10) -> Iterator[Bin]:
    """The bins of equal width that hold anything, from the lowest probability up."""
    places = np.minimum((probabilities * bins).astype(int), bins - 1)
    for place in range(bins):
        inside = places == place
        if inside.any():
            yield Bin(int(inside.sum()), float(probabilities[inside].mean()), float(labels[inside].mean()))


def calibration_error(probabilities: Doubles, labels: Doubles) -> float:
    """The expected calibration error: the mean distance of probability and share of true ones, over all claims."""
    found = list(reliability(probabilities, labels))
    return sum(each.count * abs(each.probability - each.true) for each in found) / len(labels)
