"""Chooses the clauses that say an item."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from schema.core.words import count_words
from schema.minutes.ledger import ItemKind
from workers.summarize.detection.clause_features import clause_features
from workers.summarize.detection.clause_network import ClauseNet, load_clause_network
from workers.summarize.detection.clauses import Clause, clauses_of
from workers.summarize.detection.detector import FoundItem, Reading
from workers.summarize.detection.network import MISLEADS
from workers.summarize.text.courtesy import is_courtesy
from workers.summarize.text.numbers import numbers
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.text.stems import content_stems, idf

FOLDER = Path(__file__).parents[1] / "shipped" / "clauses"
WORD_COSTS = {ItemKind.DECISION: 0.008, ItemKind.ACTION: 0.008, ItemKind.POINT: 0.015, ItemKind.QUESTION: 0.004}
"""A clause is taken if it says more than this share of its item with each of its words. Chosen on development
meetings.
"""
WORDS_LIMIT = 26
MISLEADING = 0.4
"""A clause says nothing of a decision or a task from this probability on that it misleads."""
LEAST_WORTHS = {ItemKind.DECISION: 0.25, ItemKind.ACTION: 0.15, ItemKind.POINT: 0.25, ItemKind.QUESTION: 0.1}
"""An item whose clauses say a smaller share of it is left out, because nobody would know what is meant."""


@dataclass(frozen=True, slots=True)
class WeighedClause:
    """`worth` is the share of the item that the clause says, `owned` the probability that its speaker acts."""

    clause: Clause
    worth: float
    owned: float


class ClauseChooser:
    def __init__(self, net: ClauseNet) -> None:
        self._net = net

    @classmethod
    def load(cls, folder: Path = FOLDER) -> ClauseChooser:
        """Raises BrokenModel."""
        return cls(load_clause_network(folder))

    def weigh(
        self, item: FoundItem, reading: Reading, window: Sequence[SpokenSegment], language: str
    ) -> list[WeighedClause]:
        """All clauses of *item* but mere courtesies, in their order. None if its lines say nothing.

        *item* was found by *reading* the *window*.
        """
        clauses = [each for each in clauses_of(window, item.lines) if not is_courtesy(each.text, language)]
        if not clauses:
            return []
        rarity = idf([content_stems(line.text, language) for line in window])
        features = torch.from_numpy(clause_features(clauses, item, reading, window, rarity, language))
        with torch.inference_mode():
            weights = torch.sigmoid(self._net(features)).tolist()
        found = [WeighedClause(each, *weight) for each, weight in zip(clauses, weights, strict=True)]
        if item.kind is ItemKind.POINT:
            return found
        return [replace(each, worth=0.0) if _misleads(each.clause, reading) else each for each in found]


def _misleads(clause: Clause, reading: Reading) -> bool:
    """Whether minutes with *clause* would probably be false, because what it says was turned down or taken back."""
    return bool(reading.probabilities[clause.line, MISLEADS] >= MISLEADING)


def best_clauses(weighed: Sequence[WeighedClause], kind: ItemKind, language: str) -> list[WeighedClause]:
    """The clauses that say most with the fewest words, in their order. At least one, if there is any."""
    left, chosen, known, total = list(weighed), list[WeighedClause](), set[str](), 0

    def gain(each: WeighedClause) -> float:
        told = _told(each, language)
        fresh = len(told - known) / max(len(told), 1)
        return each.worth * fresh - WORD_COSTS[kind] * count_words(each.clause.text)

    while left:
        best = max(left, key=gain)
        length = count_words(best.clause.text)
        if chosen and (gain(best) < 0 or total + length > WORDS_LIMIT):
            break
        left.remove(best)
        chosen.append(best)
        known |= _told(best, language)
        total += length
    return sorted(chosen, key=weighed.index)


def says_enough(chosen: Iterable[WeighedClause], kind: ItemKind) -> bool:
    """Whether *chosen* say what an item of *kind* is about."""
    return sum(each.worth for each in chosen) >= LEAST_WORTHS[kind]


def _told(each: WeighedClause, language: str) -> set[str]:
    text = each.clause.text
    return {*content_stems(text, language), *numbers(text, language)}
