"""The data set that a configuration names, and a part of one, as a data set."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Collection
from itertools import islice

from training.data import Dataset, Limits, load
from training.data.checks import DEFAULTS, Part
from training.runs.config import Source


def read(source: Source, needs: Collection[Part], limits: Limits = DEFAULTS) -> Dataset:
    """All of *source*, whatever its `limit`. Raises InvalidData."""
    return load(
        source.source,
        source.split,
        language=source.language,
        needs=needs,
        limits=limits,
        skip_faulty=source.skip_faulty,
    )


def first(data: Dataset, limit: int) -> Dataset:
    """The first *limit* examples of *data*, all for 0."""
    if not 0 < limit < len(data):
        return data
    kept = Dataset(islice(data.records(), limit))
    kept.fingerprint = f"{data.fingerprint}:{limit}"
    return kept


def of_each_group(data: Dataset, count: int, seed: int) -> Dataset:
    """At most *count* examples of each meeting or speaker, drawn by *seed*, in their order; all for 0."""
    if count <= 0:
        return data
    places: defaultdict[str, list[int]] = defaultdict(list)
    for place, example in enumerate(data):
        places[example.group or example.id].append(place)
    dice = random.Random(seed)  # noqa: S311
    drawn = sorted(place for group in places.values() for place in dice.sample(group, min(count, len(group))))
    kept = Dataset(data.record(place) for place in drawn)
    kept.fingerprint = f"{data.fingerprint}:{count} of each:{seed}"
    return kept
