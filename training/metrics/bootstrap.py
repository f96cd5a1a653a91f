"""How sure a figure or a difference is: bootstrap intervals over clips or meetings.

B. Efron, 1979; paired as in P. Koehn, "Statistical significance tests for machine translation evaluation", 2004, and
M. Bisani and H. Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation", 2004.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.metrics.errors import Counts

RESAMPLES = 10_000
LEVEL = 0.95
CHUNK_CELLS = 4_000_000
"""Resamples times units that are drawn at once: 32 MB."""

Values = Sequence[Counts] | Sequence[float]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure, or the `difference` of two (second less first), and where it lies at the level asked for."""

    difference: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        return self.low > 0 or self.high < 0


def paired(
    a: Values,
    b: Values,
    *,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """How much *b* is above *a*, where place i of both is of the same clip or meeting.

    Values are numbers, whose means are compared, or Counts, whose rates are. Places of one of *groups* are drawn
    together. The percentile interval of *resamples* draws, the same for the same *seed*. Raises ValueError where the
    lengths differ or nothing is given.
    """
    if len(a) != len(b):
        raise ValueError(f"{len(a)} and {len(b)} values are no pairs; measure both systems on the same examples")
    first, second = _sums(a, groups), _sums(b, groups)
    draws = [_ratios(second, drawn) - _ratios(first, drawn) for drawn in _drawn(len(first), seed, resamples)]
    return _interval(_whole(second) - _whole(first), draws, level)


def interval(
    a: Values,
    *,
    groups: Sequence[str] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Interval:
    """The mean or rate of *a* itself, drawn as in `paired`."""
    sums = _sums(a, groups)
    return _interval(_whole(sums), [_ratios(sums, drawn) for drawn in _drawn(len(sums), seed, resamples)], level)


def figure(values: Values) -> float:
    """The mean of numbers, the rate of Counts."""
    return _whole(_sums(values, None))


def _sums(values: Values, groups: Sequence[str] | None) -> NDArray[np.float64]:
    """(units, 2): what was counted and of how much, of each group, or of each place without groups."""
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


def _drawn(units: int, seed: int, resamples: int) -> list[NDArray[np.float64]]:
    """How often each unit is drawn, (draws, units) a chunk."""
    chance = np.random.default_rng(seed)
    size = max(1, CHUNK_CELLS // units)
    even = np.full(units, 1 / units)
    counts = [min(size, resamples - done) for done in range(0, resamples, size)]
    return [chance.multinomial(units, even, size=count).astype(np.float64) for count in counts]


def _ratios(sums: NDArray[np.float64], drawn: NDArray[np.float64]) -> NDArray[np.float64]:
    counted, total = (drawn @ sums).T
    ratios: NDArray[np.float64] = (counted > 0).astype(np.float64)
    np.divide(counted, total, out=ratios, where=total > 0)
    return ratios


def _whole(sums: NDArray[np.float64]) -> float:
    return float(_ratios(sums, np.ones((1, len(sums))))[0])


def _interval(figure: float, draws: Sequence[NDArray[np.float64]], level: float) -> Interval:
    low, high = np.quantile(np.concatenate(draws), [(1 - level) / 2, (1 + level) / 2])
    return Interval(figure, float(low), float(high))


BASE = "base_"
CHANGE, LOW, HIGH = "_change", "_change_low", "_change_high"


def measured_change(name: str, base: Values, trained: Values, groups: Sequence[str]) -> dict[str, float]:
    """`NAME` and `base_NAME`, the first less the second as `NAME_change`, its 95 % interval as `.._low`, `.._high`.

    Place i of all three is of one example; the bootstrap draws *groups*.
    """
    found = paired(base, trained, groups=groups)
    return {
        name: figure(trained),
        f"{BASE}{name}": figure(base),
        f"{name}{CHANGE}": found.difference,
        f"{name}{LOW}": found.low,
        f"{name}{HIGH}": found.high,
    }
