"""Bootstrap intervals for a figure or a difference, over clips or meetings.

B. Efron, 1979; paired as in P. Koehn, "Statistical significance tests for machine translation evaluation", 2004, and M.
Bisani and H. Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation", 2004.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.asr.error_rates import Counts

RESAMPLES = 10_000
LEVEL = 0.95
CHUNK_CELLS = 4_000_000
"""Resamples times units drawn at once: 32 MB."""

Measurements = Sequence[Counts] | Sequence[float]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure, or the `difference` of two (second minus first), with its interval at the requested level."""

    difference: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def paired(
    a: Measurements,
    b: Measurements,
    *,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """The difference *b* minus *a*, where element i of both belongs to the same clip or meeting.

    For numbers the means are compared, for Counts the rates. Elements of the same group in *groups* are drawn together.
    The interval is the percentile interval of *resamples* draws and the same for the same *seed*. Raises ValueError if
    the lengths differ or nothing is given.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} values cannot be paired; measure both systems on the same examples")
    first, second = _sums(a, groups), _sums(b, groups)
    draws = [_ratios(second, drawn) - _ratios(first, drawn) for drawn in _draw_counts(len(first), seed, resamples)]
    return _interval(_overall(second) - _overall(first), draws, level)


def interval(
    a: Measurements,
    *,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """The mean or rate of *a* itself, with its interval as in `paired`."""
    sums = _sums(a, groups)
    return _interval(
        _overall(sums), [_ratios(sums, drawn) for drawn in _draw_counts(len(sums), seed, resamples)], level
    )


def figure(values: Measurements) -> float:
    """The mean of numbers, or the rate of Counts."""
    return _overall(_sums(values, None))


def _sums(values: Measurements, groups: Sequence[str] | None) -> NDArray[np.float64]:
    """(units, 2): the count and the total of each group, or of each element without groups."""
    if not values:
        raise ValueError("no values; a bootstrap needs at least one")
    pairs = [(each.counted, each.total) if isinstance(each, Counts) else (each, 1.0) for each in values]
    table = np.array(pairs, dtype=np.float64)
    if groups is None:
        return table
    _, members = np.unique(np.array(groups), return_inverse=True)
    sums = np.zeros((members.max() + 1, 2))
    np.add.at(sums, members, table)
    return sums


def _draw_counts(units: int, seed: int, resamples: int) -> list[NDArray[np.float64]]:
    """How often each unit is drawn, as chunks (draws, units)."""
    rng = np.random.default_rng(seed)
    size = max(1, CHUNK_CELLS // units)
    even = np.full(units, 1 / units)
    counts = [min(size, resamples - done) for done in range(0, resamples, size)]
    return [rng.multinomial(units, even, size=count).astype(np.float64) for count in counts]


def _ratios(sums: NDArray[np.float64], drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    counted, total = (drawn @ sums).T
    ratios: NDArray[np.float64] = (counted > 0).astype(np.float64)
    np.divide(counted, total, out=ratios, where=total > 0)
    return ratios


def _overall(sums: NDArray[np.float64]) -> float:
    return float(_ratios(sums, np.ones((1, len(sums))))[0])


def _interval(figure: float, draws: Sequence[NDArray[np.float64]], level: float) -> Interval:
    low, high = np.quantile(np.concatenate(draws), [(1 - level) / 2, (1 + level) / 2])
    return Interval(figure, float(low), float(high))


BASE = "base_"
CHANGE, LOW, HIGH = "_change", "_change_low", "_change_high"


def measured_change(name: str, base: Measurements, trained: Measurements, groups: Sequence[str]) -> dict[str, float]:
    """The keys `NAME` and `base_NAME`, their difference `NAME_change`, and its 95 % interval `NAME_change_low` to
    `.._high`.

    Element i of all three belongs to one example. The bootstrap draws *groups*.
    """
    found = paired(base, trained, groups=groups)
    return {
        name: figure(trained),
        f"{BASE}{name}": figure(base),
        f"{name}{CHANGE}": found.difference,
        f"{name}{LOW}": found.low,
        f"{name}{HIGH}": found.high,
    }
