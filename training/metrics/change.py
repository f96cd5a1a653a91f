"""A measure with what was learnt beside the same without it, as runs report it."""

from __future__ import annotations

from collections.abc import Sequence

from training.metrics.bootstrap import Values, figure, paired

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
