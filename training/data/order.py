"""The order of training: random, like lengths together, the same on every machine, so that a run can go on in it."""

from __future__ import annotations

import random
from collections.abc import Sequence

BUCKET_BATCHES = 50
"""Batches whose examples are sorted together: enough to find neighbours of one length, few enough to stay random."""


def batches(lengths: Sequence[float], batch_size: int, seed: int, epoch: int) -> list[list[int]]:
    """Places of *lengths* in batches for one epoch; every place is in exactly one, the last may be smaller.

    The batch with the longest example comes first, so what does not fit in memory shows at once. A run is at an exact
    example when it knows its epoch and the number of batches behind it: `batches(...)[done:]` is the rest.
    """
    # Python promises the same numbers of `random()` for a seed in every version; it does not of `shuffle`.
    chance = random.Random(f"{seed}/{epoch}")  # noqa: S311 - an order, no secret
    order = _shuffled(range(len(lengths)), chance)
    size = batch_size * BUCKET_BATCHES
    cut: list[list[int]] = []
    for first in range(0, len(order), size):
        bucket = sorted(order[first : first + size], key=lambda place: -lengths[place])
        cut += [bucket[at : at + batch_size] for at in range(0, len(bucket), batch_size)]
    longest = max(cut, key=lambda batch: lengths[batch[0]], default=None)
    return [cut[at] for at in _first(cut, longest, _shuffled(range(len(cut)), chance))]


def _first(cut: list[list[int]], batch: list[int] | None, order: list[int]) -> list[int]:
    """*order* with the place of *batch* in *cut* in front."""
    return sorted(order, key=lambda at: cut[at] is not batch)


def _shuffled(places: Sequence[int], chance: random.Random) -> list[int]:
    return [place for _, place in sorted((chance.random(), place) for place in places)]
