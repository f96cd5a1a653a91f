"""The ledger of a meeting: points, decisions, actions and open questions, and what became of them.

A note says what its window changes. The ledger is the result of all changes in the order of the meeting. It is never
stored: notes are, and the minutes that show it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import TypeVar

from schema.core.wire import Shown


class ItemKind(StrEnum):
    POINT = "point"
    DECISION = "decision"
    ACTION = "action"
    QUESTION = "question"


class ItemState(StrEnum):
    """An item is `open` while it holds. An action that is done, and a question that is answered, is `done`."""

    OPEN = "open"
    WITHDRAWN = "withdrawn"
    DONE = "done"


class ChangeKind(StrEnum):
    ADD = "add"
    REVISE = "revise"
    """The decision is another one now, the task is somebody else's, or a figure was corrected."""
    RESTATE = "restate"
    """The item is said again, in better words or more exactly. It stays the same item: its history does not grow, and
    its support does not fall.
    """
    WITHDRAW = "withdraw"
    COMPLETE = "complete"


_STATES = {ChangeKind.WITHDRAW: ItemState.WITHDRAWN, ChangeKind.COMPLETE: ItemState.DONE}
EVIDENCE_LIMIT = 12
"""Segments that one item names. The first half and the latest stay."""
HISTORY_LIMIT = 8
"""Changes that an item remembers. The first and the latest stay."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an item. `evidence` are the ids of the segments that say it.

    `text`, `owner` and `due` are the item's after the change. An item that is withdrawn or completed keeps its own.
    `support` is the probability that the evidence carries the change.
    """

    change: ChangeKind
    item: str
    kind: ItemKind
    text: Shown = ""
    owner: Shown | None = None
    due: Shown | None = None
    evidence: tuple[int, ...] = ()
    support: float = 0.0
    supported: bool = False
    section: Shown | None = None
    """The section of the template that a point belongs in, if a writer said so."""


@dataclass(frozen=True, slots=True)
class Item:
    """An item as it stands. `history` are its changes, the first one first. `section` is the last one named."""

    id: str
    kind: ItemKind
    text: str
    owner: str | None
    due: str | None
    evidence: tuple[int, ...]
    support: float
    supported: bool
    state: ItemState
    history: tuple[Change, ...]
    section: str | None = None


def ledger(changes: Iterable[Change], items: Mapping[str, Item] | None = None) -> dict[str, Item]:
    """*items*, none by default, after *changes*: by id, in the order in which they were added.

    A note may have been rewritten, so that an item of a later change is gone. A revision then adds the item; an end of
    it changes nothing.
    """
    items = dict(items or {})
    for change in changes:
        known = items.get(change.item)
        if known is not None:
            items[change.item] = _changed(known, change)
        elif change.change not in _STATES:
            items[change.item] = _added(change)
    return items


def _added(change: Change) -> Item:
    return Item(
        change.item,
        change.kind,
        change.text,
        change.owner,
        change.due,
        change.evidence,
        change.support,
        change.supported,
        ItemState.OPEN,
        (change,),
        change.section,
    )


def _changed(item: Item, change: Change) -> Item:
    evidence = _first_and_latest(tuple(dict.fromkeys(item.evidence + change.evidence)), EVIDENCE_LIMIT)
    said_again = change.change is ChangeKind.RESTATE or _content(change) == _content(item)
    again = change.change not in _STATES and said_again and item.state is ItemState.OPEN
    history = item.history if again else _first_and_latest((*item.history, change), HISTORY_LIMIT)
    if change.change in _STATES:
        return replace(item, state=_STATES[change.change], evidence=evidence, history=history)
    return replace(
        item,
        text=change.text,
        owner=change.owner,
        due=change.due,
        evidence=evidence,
        support=max(change.support, item.support) if again else change.support,
        supported=change.supported or (again and item.supported),
        state=ItemState.OPEN,
        history=history,
        section=change.section or item.section,
    )


def _content(of: Change | Item) -> tuple[str, str | None, str | None]:
    return of.text, of.owner, of.due


_Value = TypeVar("_Value")


def _first_and_latest(values: tuple[_Value, ...], limit: int) -> tuple[_Value, ...]:
    return values if len(values) <= limit else (*values[: limit // 2], *values[-(limit - limit // 2) :])


ID_DIGITS = 12


def item_id(text: str, taken: Iterable[str] = ()) -> str:
    """An id for a new item with *text* that is none of *taken*. The same text gives the same id."""
    used = set(taken)
    return next(name for name in _names(text) if name not in used)


def _names(text: str) -> Iterator[str]:
    number = 0
    while True:
        seed = text if number == 0 else f"{text}\n{number}"
        yield f"s{sha256(seed.encode()).hexdigest()[:ID_DIGITS]}"
        number += 1
