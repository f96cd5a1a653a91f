"""Training data for the writer of items: the lines around a place in an invented meeting, and the item they carry.

Every item of a meeting gives an example. What minutes must not say gives one whose answer is `none`: places of false
statements, and places where nothing is said that matters. In a third of the examples no speaker is known.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from schema.core.errors import InvalidData
from schema.minutes.ledger import ItemKind
from training.data.checks import Fault
from training.data.dataset import Example
from training.data.invented_meetings import InventedItem, InventedKind, InventedMeeting, invented_meetings
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.writing.item_format import WrittenItem, item_answer, item_prompt

SPLITS = ("train", "dev")
CONTEXT_TURNS = 3
"""Lines that are shown before the first marked line, and after the last one."""
SPAN_TURNS = 24
"""Items whose lines lie further apart are left out."""
KINDS = {
    InventedKind.DECISION: ItemKind.DECISION,
    InventedKind.ACTION: ItemKind.ACTION,
    InventedKind.FACT: ItemKind.POINT,
    InventedKind.QUESTION: ItemKind.QUESTION,
}
_FALSE_SECTIONS = {"decisions": ItemKind.DECISION, "actions": ItemKind.ACTION}
EMPTY_SHARE = 0.25
"""Places without any item, for each item of a meeting."""
NAMELESS_SHARE = 1 / 3


def items(folder: Path, split: str, _language: str) -> Iterator[Example | Fault]:
    """Examples of *split*, from the invented meetings in *folder*. Raises InvalidData for an unknown split."""
    if split not in SPLITS:
        raise InvalidData(f"items: has no split {split!r}. Available splits: {', '.join(SPLITS)}.")
    for meeting in invented_meetings(split, folder):
        rng = random.Random(hashlib.sha256(meeting.id.encode()).digest())  # noqa: S311 - the same in every run
        for number, (kind, evidence, answer) in enumerate(_places(meeting, rng)):
            lines = _around(meeting.turns, evidence)
            if rng.random() < NAMELESS_SHARE:
                lines = [replace(line, speaker=None) for line in lines]
            yield Example(
                f"{meeting.id}/{number}",
                f"{meeting.id}/{number}",
                text=item_prompt(lines, evidence, kind),
                summary=item_answer(answer, kind),
                language=meeting.language,
                group=meeting.id,
            )


Place = tuple[ItemKind, tuple[int, ...], WrittenItem | None]
"""The kind of item that is asked for, the marked turns, and the answer."""


def _places(meeting: InventedMeeting, rng: random.Random) -> Iterator[Place]:
    good = [item for item in meeting.items if item.kind in KINDS and _is_near(item)]
    for item in good:
        yield KINDS[item.kind], item.evidence, _written(item)
    for item in meeting.of(InventedKind.FALSE):
        if item.section in _FALSE_SECTIONS and _is_near(item):
            yield _FALSE_SECTIONS[item.section], item.evidence, None
    taken = {turn for item in meeting.items for turn in item.evidence}
    free = [turn.id for turn in meeting.turns if taken.isdisjoint(range(turn.id - 1, turn.id + 2))]
    for turn in rng.sample(free, min(len(free), round(EMPTY_SHARE * len(good)))):
        yield rng.choice(list(KINDS.values())), (turn,), None


def _is_near(item: InventedItem) -> bool:
    return max(item.evidence) - min(item.evidence) <= SPAN_TURNS


def _written(item: InventedItem) -> WrittenItem:
    return WrittenItem(item.text, " and ".join(item.owners) or None, item.due or None)


def _around(turns: Sequence[SpokenSegment], evidence: Sequence[int]) -> list[SpokenSegment]:
    first, end = max(min(evidence) - CONTEXT_TURNS, 0), max(evidence) + CONTEXT_TURNS + 1
    return list(turns[first:end])
