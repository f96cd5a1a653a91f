"""Training data for the writer of items: the lines around a place in an invented meeting, and the item they carry.

Every item of a meeting gives an example. What minutes must not say gives one whose answer is `none`: places of false
statements, and places where nothing is said that matters. In a third of the examples no speaker is known. Titles of
meetings and chapters, and overviews, are written from items, of which some are missing as they are in use.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from schema.core.errors import InvalidData
from schema.core.words import words
from schema.minutes.ledger import ItemKind
from training.data.checks import Fault
from training.data.dataset import Example
from training.data.invented_meetings import InventedItem, InventedKind, InventedMeeting, invented_meetings
from workers.summarize.text.segment import SpokenSegment
from workers.summarize.writing.item_format import (
    CONTEXT_LINES,
    MARK,
    OUTLINE_ITEMS,
    OVERVIEW,
    TITLE,
    WrittenItem,
    item_answer,
    item_prompt,
    outline_prompt,
)

SPLITS = ("train", "dev")
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
TITLES, OVERVIEWS = 2, 3
"""Examples of each meeting."""
COMMON_MEETINGS = 3
_SPEAKER = re.compile(rf"^(?:{MARK})?([^:]{{1,40}}): ", re.M)
NAMELESS_SHARE = 1 / 3


def items(folder: Path, split: str, _language: str) -> Iterator[Example | Fault]:
    """Examples of *split*, from the invented meetings in *folder*. Raises InvalidData for an unknown split."""
    if split not in SPLITS:
        raise InvalidData(f"items: has no split {split!r}. Available splits: {', '.join(SPLITS)}.")
    for meeting in invented_meetings(split, folder):
        rng = random.Random(hashlib.sha256(meeting.id.encode()).digest())  # noqa: S311 - the same in every run
        for number, (text, answer) in enumerate((*_item_pairs(meeting, rng), *_outline_pairs(meeting, rng))):
            name = f"{meeting.id}/{number}"
            yield Example(name, name, text=text, summary=answer, language=meeting.language, group=meeting.id)


def _item_pairs(meeting: InventedMeeting, rng: random.Random) -> Iterator[tuple[str, str]]:
    for kind, evidence, answer in _places(meeting, rng):
        lines = _around(meeting.turns, evidence)
        if rng.random() < NAMELESS_SHARE:
            lines = [replace(line, speaker=None) for line in lines]
        yield item_prompt(lines, evidence, kind), item_answer(answer, kind)


def _outline_pairs(meeting: InventedMeeting, rng: random.Random) -> Iterator[tuple[str, str]]:
    items = [item for item in meeting.items if item.kind in KINDS]
    for chapter in meeting.chapters:
        within = [item for item in items if chapter.first_turn <= min(item.evidence) <= chapter.last_turn]
        if within:
            yield _outline(within, TITLE, rng), chapter.title
    told = [item for item in items if item.kind is not InventedKind.FACT]
    for _ in range(TITLES):
        yield _outline(told, TITLE, rng), meeting.title
    for _ in range(OVERVIEWS):
        yield _outline(told, OVERVIEW, rng), meeting.overview


def _outline(items: Sequence[InventedItem], label: str, rng: random.Random) -> str:
    """The prompt with some of *items*, in their order."""
    count = min(len(items), OUTLINE_ITEMS)
    chosen = sorted(rng.sample(range(len(items)), rng.randint(-(-count // 2), count)))
    return outline_prompt(((KINDS[items[at].kind], items[at].text) for at in chosen), label)


def common_words(examples: Iterable[Example]) -> list[str]:
    """The words in answers of at least COMMON_MEETINGS meetings, without numbers and names of speakers."""
    meetings: dict[str, set[str]] = defaultdict(set)
    speakers: set[str] = set()
    for example in examples:
        speakers.update(word for label in _SPEAKER.findall(example.text or "") for word in words(label))
        for word in words(example.summary or ""):
            meetings[word].add(example.group or example.id)
    common = (word for word, found in meetings.items() if len(found) >= COMMON_MEETINGS and word not in speakers)
    return sorted(word for word in common if not any(letter.isdigit() for letter in word))


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
    first, end = max(min(evidence) - CONTEXT_LINES, 0), max(evidence) + CONTEXT_LINES + 1
    return list(turns[first:end])
