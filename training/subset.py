"""The beginning of a data set, as a data set."""

from __future__ import annotations

from itertools import islice

from training.data import Dataset


def first(data: Dataset, limit: int) -> Dataset:
    """The first *limit* examples of *data*, all for 0."""
    if not 0 < limit < len(data):
        return data
    kept = Dataset(islice(data.records(), limit))
    kept.fingerprint = f"{data.fingerprint}:{limit}"
    return kept
