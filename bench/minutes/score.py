"""Counts what minutes have of a meeting, and what they have wrong.

A decision or an action is met if a sentence of either list says it. A sentence of a list is right if it says one that
no earlier sentence of the list said. Facts and questions are met anywhere. Owners and due times are compared where
their action is met.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields

from bench.minutes.gold import GoldAction, GoldItem, GoldMeeting
from schema.minutes.minutes import Action, Minutes, Sentence, parts

_NEAR_TURNS = 2
# fmt: off
_NO_TIMES = frozenset({
    "the", "by", "on", "at", "of", "end", "before", "am", "den", "bis", "le", "la", "avant", "el", "antes", "de", "del",
})
# fmt: on
"""Words of a due time, in several languages, that name no time."""
Written = Sentence | Action


@dataclass
class Share:
    """*part* of *whole*."""

    part: int = 0
    whole: int = 0

    def add(self, part: int, whole: int) -> None:
        self.part += part
        self.whole += whole

    @property
    def value(self) -> float | None:
        return round(self.part / self.whole, 3) if self.whole else None


@dataclass
class Found:
    """The items of a kind: how many of them the minutes have, and how many sentences of their list are right."""

    recall: Share = field(default_factory=Share)
    precision: Share = field(default_factory=Share)

    @property
    def f1(self) -> float:
        recall, precision = self.recall.value or 0.0, self.precision.value or 0.0
        return round(2 * recall * precision / (recall + precision), 3) if recall + precision else 0.0


@dataclass
class Score:
    """The counts of one meeting, or of several added up."""

    meetings: int = 0
    decisions: Found = field(default_factory=Found)
    actions: Found = field(default_factory=Found)
    owners: Share = field(default_factory=Share)
    dues: Share = field(default_factory=Share)
    facts: Share = field(default_factory=Share)
    questions: Share = field(default_factory=Share)
    cited: Share = field(default_factory=Share)
    words: Share = field(default_factory=Share)
    traps: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, float | int | None]:
        shares = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            "meetings": self.meetings,
            "decisions_f1": self.decisions.f1,
            "actions_f1": self.actions.f1,
            **{name: share.value for name, share in shares.items() if isinstance(share, Share)},
            "traps_a_meeting": round(len(self.traps) / self.meetings, 3) if self.meetings else None,
        }


def score(pairs: Iterable[tuple[GoldMeeting, Minutes]]) -> Score:
    total = Score()
    for meeting, minutes in pairs:
        _add(total, meeting, minutes)
    return total


def _add(total: Score, meeting: GoldMeeting, minutes: Minutes) -> None:
    gold = meeting.gold
    every: list[Written] = [item for _, item in parts(minutes)]
    listed: list[Written] = [*minutes.decisions, *minutes.actions]
    false = {id(item) for item in listed if any(trap.is_made_by(item.text) for trap in gold.traps)}
    wanted = (*gold.decisions, *gold.actions)
    for kind, items, here in (
        (total.decisions, gold.decisions, minutes.decisions),
        (total.actions, gold.actions, minutes.actions),
    ):
        met = {
            each.id: [item for item in listed if id(item) not in false and each.is_met_by(item.text)] for each in items
        }
        kind.recall.add(sum(map(bool, met.values())), len(items))
        kind.precision.add(len(list(_right(here, wanted, false))), len(here))
        for each in items:
            _add_details(total, each, met[each.id])
    texts = [item.text for item in every]
    for share, facts in ((total.facts, gold.facts), (total.questions, gold.questions)):
        share.add(sum(any(map(each.is_met_by, texts)) for each in facts), len(facts))
    where: dict[str, Sequence[Written]] = {"decisions": minutes.decisions, "actions": minutes.actions, "any": every}
    made = (trap for trap in gold.traps if any(trap.is_made_by(item.text) for item in where[trap.section]))
    total.traps += [f"{meeting.id}: {trap.text}" for trap in made]
    total.words.add(sum(len(text.split()) for text in dict.fromkeys(texts)), meeting.words)
    total.meetings += 1


def _right(items: Sequence[Written], wanted: Sequence[GoldItem], false: set[int]) -> Iterator[Written]:
    said: set[str] = set()
    for item in items:
        fresh = {each.id for each in wanted if each.is_met_by(item.text)} - said
        if fresh and id(item) not in false:
            said |= fresh
            yield item


def _add_details(total: Score, gold: GoldItem, met: Sequence[Written]) -> None:
    if not met:
        return
    near = any(abs(key - turn) <= _NEAR_TURNS for key in met[0].evidence for turn in gold.evidence)
    total.cited.add(int(near), 1)
    if isinstance(gold, GoldAction):
        total.owners.add(int(any(_same_owner(gold, item) for item in met)), 1)
        total.dues.add(int(any(_same_due(gold, item) for item in met)), 1)


def _same_owner(gold: GoldAction, item: Written) -> bool:
    owner = item.owner if isinstance(item, Action) else None
    if gold.owner is None:
        return owner is None
    return bool(re.search(rf"\b{re.escape(gold.owner)}\b", owner or item.text, re.I))


def _same_due(gold: GoldAction, item: Written) -> bool:
    due = item.due if isinstance(item, Action) else None
    if gold.due is None:
        return due is None
    wanted = [word for word in re.findall(r"\w+", gold.due.lower()) if word not in _NO_TIMES]
    said = f"{due or ''} {item.text}".lower()
    return bool(wanted) and sum(word in said for word in wanted) >= max(1, (len(wanted) + 1) // 2)
