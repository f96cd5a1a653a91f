"""Examples from which the clause network learns: the clauses of items that the detector finds in the invented meetings.

What a clause is worth is the share of the item's own words that it says, rare words counting more.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from schema.minutes.ledger import ItemKind
from training.data.invented_meetings import InventedItem, InventedKind, InventedMeeting
from workers.summarize.detection.clause_features import clause_features
from workers.summarize.detection.clauses import Clause, clauses_of
from workers.summarize.detection.detector import Detector, FoundItem
from workers.summarize.text.embedding import Features
from workers.summarize.text.numbers import numbers
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.text.stems import content_stems, idf

WINDOW_TURNS = 60
NUMBER_WEIGHT = 3.0
UNKNOWN = -1.0
"""The label where nobody knows whether the speaker acts."""
_TASKS = (InventedKind.DECISION, InventedKind.ACTION)
_OF_KIND = {
    ItemKind.DECISION: _TASKS,
    ItemKind.ACTION: _TASKS,
    ItemKind.POINT: (InventedKind.FACT,),
    ItemKind.QUESTION: (InventedKind.QUESTION,),
}
_OWN_KIND = {ItemKind.DECISION: InventedKind.DECISION, ItemKind.ACTION: InventedKind.ACTION}
_OWN_KIND_BONUS = 0.5


@dataclass(frozen=True, slots=True)
class ClauseExample:
    """The clauses of one item: their features (T, F) and labels (T, 2), worth and whether the speaker acts."""

    key: str
    features: Features
    labels: Features


def clause_examples(
    meeting: InventedMeeting, states: Features, detector: Detector, nameless_share: float
) -> Iterator[ClauseExample]:
    """The examples of *meeting*, whose turns have *states*; the same in every run. Some windows know no speaker."""
    rng = random.Random(f"clauses {meeting.id}")  # noqa: S311 - the same in every run
    for first in range(0, len(meeting.turns), WINDOW_TURNS):
        window: Sequence[SpokenSegment] = meeting.turns[first : first + WINDOW_TURNS]
        if rng.random() < nameless_share:
            window = [replace(turn, speaker=None) for turn in window]
        rarity = idf([content_stems(turn.text, meeting.language) for turn in window])
        reading = detector.judge(window, states[first : first + WINDOW_TURNS], meeting.people)
        for found in reading.items:
            meant = _meant(found, window, meeting)
            if meant is not None:
                clauses = clauses_of(window, found.lines)
                features = clause_features(clauses, found, reading, window, rarity, meeting.language)
                labels = _labels(clauses, meant, found.kind, window, rarity, meeting.language)
                yield ClauseExample(f"{meeting.id} {meant.id} {window[found.main].id}", features, labels)


def _meant(found: FoundItem, window: Sequence[SpokenSegment], meeting: InventedMeeting) -> InventedItem | None:
    """The item of *meeting* that *found* most probably is."""
    lines = {window[line].id for line in found.lines}

    def likeness(item: InventedItem) -> float:
        both = len(lines.intersection(item.evidence)) / len(lines.union(item.evidence))
        own = item.kind is _OWN_KIND.get(found.kind)
        return both + (window[found.main].id in item.evidence) + _OWN_KIND_BONUS * own

    near = [item for item in meeting.items if item.kind in _OF_KIND[found.kind] and lines.intersection(item.evidence)]
    return max(near, key=likeness, default=None)


def _labels(
    clauses: Sequence[Clause],
    meant: InventedItem,
    kind: ItemKind,
    window: Sequence[SpokenSegment],
    rarity: Mapping[str, float],
    language: str,
) -> Features:
    wanted = _weights(meant.text, rarity, language)
    total = sum(wanted.values()) or 1.0
    rows = np.full((len(clauses), 2), UNKNOWN, np.float32)
    for at, clause in enumerate(clauses):
        said = _weights(clause.text, rarity, language)
        rows[at, 0] = sum(weight for word, weight in wanted.items() if word in said) / total
        speaker = window[clause.line].speaker
        if kind is ItemKind.ACTION and speaker and meant.owners:
            rows[at, 1] = speaker in meant.owners
    return rows


def _weights(text: str, rarity: Mapping[str, float], language: str) -> dict[str, float]:
    """How much each stem and number of *text* says."""
    stems = {stem: rarity.get(stem, 1.0) for stem in content_stems(text, language)}
    return stems | {f"#{number}": NUMBER_WEIGHT for number in numbers(text, language)}
