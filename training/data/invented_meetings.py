"""Meetings that were invented for this project, in four languages, with what a good minute-taker keeps of each.

    FOLDER/train/LANGUAGE/ID.txt    to train on
    FOLDER/dev/LANGUAGE/ID.txt      to choose settings on; these have key words (`must`) for counting

`training/data/invented/README.md` describes the format.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

from schema.core.errors import InvalidData
from schema.core.units import SAMPLE_RATE_HZ, samples_of_s
from schema.minutes.ledger import ItemKind
from workers.summarize.text.segment import SpokenSegment

FOLDER = Path(__file__).parent / "invented"
WORD_S = 0.36
PAUSE_S = 0.4
HEAD = ("id", "language", "title", "domain", "date", "people")


class InventedKind(StrEnum):
    DECISION = "decision"
    ACTION = "action"
    FACT = "fact"
    QUESTION = "question"
    FALSE = "false"


ITEM_KINDS = {
    InventedKind.DECISION: ItemKind.DECISION,
    InventedKind.ACTION: ItemKind.ACTION,
    InventedKind.FACT: ItemKind.POINT,
    InventedKind.QUESTION: ItemKind.QUESTION,
}
"""The kinds of what minutes should say."""


@dataclass(frozen=True, slots=True)
class InventedItem:
    """Something that minutes should say, or with the kind `false` something that careless minutes say.

    `evidence` are the turns that carry it, `back` those that show that it is false. `why` is the kind of falsehood,
    such as `reversed`, and `section` the list of the minutes in which it would stand.
    """

    id: str
    kind: InventedKind
    text: str
    evidence: tuple[int, ...]
    owners: tuple[str, ...] = ()
    due: str | None = None
    why: str | None = None
    section: str | None = None
    back: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class InventedChapter:
    first_turn: int
    last_turn: int
    title: str


@dataclass(frozen=True, slots=True)
class InventedMeeting:
    """A meeting. The ids of its segments are the numbers of the turns. `must` and `unless` are key words by item."""

    id: str
    language: str
    title: str
    held_on: date
    people: tuple[str, ...]
    turns: tuple[SpokenSegment, ...]
    overview: str
    chapters: tuple[InventedChapter, ...]
    items: tuple[InventedItem, ...]
    must: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    unless: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, kind: InventedKind) -> list[InventedItem]:
        return [item for item in self.items if item.kind is kind]


def invented_meetings(split: str, folder: Path = FOLDER) -> Iterator[InventedMeeting]:
    """The meetings of *split*, `train` or `dev`, by language and name. Raises InvalidData."""
    files = sorted((folder / split).glob("*/*.txt"))
    if not files:
        raise InvalidData(f"There is no invented meeting in {folder / split}.")
    yield from map(read_invented, files)


_TURN = re.compile(r"(\d+) ([^:]+): (.+)")
_CHAPTER = re.compile(r"chapter (\d+)-(\d+): (.+)")
_KEYS = re.compile(r"(must|unless) ([a-z]+\d+): (.+)")
_ITEM = re.compile(
    r"(?P<kind>decision|action|fact|question|false) (?P<id>[a-z]+\d+)"
    r"(?: kind=(?P<why>\S+))?(?: section=(?P<section>\S+))? \[(?P<evidence>[\d, ]+)\]"
    r'(?: owner=(?P<owners>[^=":]+?))?(?: due="(?P<due>[^"]*)")?(?: back=\[(?P<back>[\d, ]*)\])?: (?P<text>.+)'
)


def read_invented(path: Path) -> InventedMeeting:
    """Read one meeting. Raises InvalidData with the line that is wrong."""
    parts = re.split(r"^---[ \t]*$", path.read_text(encoding="utf-8"), flags=re.M)
    if len(parts) != 3:
        raise InvalidData(f"{path}: a meeting has three parts between two lines of ---")
    head = dict(_pair(line, path) for line in _lines(parts[0]))
    if missing := [key for key in HEAD if not head.get(key)]:
        raise InvalidData(f"{path}: there is no {missing[0]}")
    people = tuple(re.sub(r"\s*\(.*", "", each).strip() for each in head["people"].split(";"))
    turns = _turns(parts[1], people, path)
    notes = _Notes(path, len(turns), people)
    for line in _lines(parts[2]):
        notes.take(line)
    return InventedMeeting(
        id=head["id"],
        language=head["language"],
        title=head["title"],
        held_on=date.fromisoformat(head["date"]),
        people=people,
        turns=turns,
        overview=notes.overview,
        chapters=tuple(notes.chapters),
        items=tuple(notes.items),
        must=notes.must,
        unless=notes.unless,
    )


def _lines(part: str) -> Iterator[str]:
    return (line.strip() for line in part.splitlines() if line.strip())


def _pair(line: str, path: Path) -> tuple[str, str]:
    key, colon, value = line.partition(":")
    if not colon:
        _refuse(path, line)
    return key.strip(), value.strip()


def _refuse(path: Path, line: str) -> NoReturn:
    raise InvalidData(f"{path}: this line cannot be read: {line[:80]!r}")


def _turns(part: str, people: tuple[str, ...], path: Path) -> tuple[SpokenSegment, ...]:
    """The turns, spoken at an even pace."""
    found: list[SpokenSegment] = []
    at = 0
    for line in _lines(part):
        match = _TURN.fullmatch(line)
        if match is None or int(match[1]) != len(found) or match[2] not in people:
            _refuse(path, line)
        end = at + samples_of_s(len(match[3].split()) * WORD_S)
        found.append(SpokenSegment(len(found), match[2], at, end, match[3]))
        at = end + int(PAUSE_S * SAMPLE_RATE_HZ)
    return tuple(found)


class _Notes:
    """The third part of a file: what minutes should say."""

    def __init__(self, path: Path, turns: int, people: tuple[str, ...]) -> None:
        self._path, self._turns, self._people = path, turns, people
        self.overview = ""
        self.chapters: list[InventedChapter] = []
        self.items: list[InventedItem] = []
        self.must: dict[str, tuple[tuple[str, ...], ...]] = {}
        self.unless: dict[str, tuple[str, ...]] = {}

    def take(self, line: str) -> None:
        if line.startswith("overview:"):
            self.overview = line.removeprefix("overview:").strip()
        elif match := _CHAPTER.fullmatch(line):
            self.chapters.append(InventedChapter(int(match[1]), int(match[2]), match[3]))
        elif match := _KEYS.fullmatch(line):
            groups = tuple(tuple(word.strip() for word in group.split("|")) for group in match[3].split(";"))
            if match[1] == "must":
                self.must[match[2]] = groups
            else:
                self.unless[match[2]] = tuple(word for group in groups for word in group)
        elif match := _ITEM.fullmatch(line):
            self.items.append(self._item(match, line))
        else:
            _refuse(self._path, line)

    def _item(self, match: re.Match[str], line: str) -> InventedItem:
        evidence, back = (tuple(map(int, re.findall(r"\d+", match[name] or ""))) for name in ("evidence", "back"))
        named = (match["owners"] or "").split("+")
        owners = tuple(owner.strip() for owner in named if owner.strip() not in ("", "none"))
        if any(turn >= self._turns for turn in (*evidence, *back)) or not set(owners) <= set(self._people):
            _refuse(self._path, line)
        kind = InventedKind(match["kind"])
        text = match["text"].strip()
        return InventedItem(
            match["id"], kind, text, evidence, owners, match["due"], match["why"], match["section"], back
        )
