"""Minutes as the database keeps them and clients read them. Evidence are ids of segments."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from hashlib import sha256
from typing import Protocol, TypeVar

from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True)
class Sentence:
    """`support` in [0, 1] is computed from the words of the evidence; below the threshold it is not `supported`.

    `id` names it in its minutes; the same words are one sentence wherever they stand. `version` counts what people
    changed, and `corrected` says that it is not what was written by the summariser; see `schema.corrections.sentences`.
    """

    text: str
    evidence: tuple[int, ...] = ()
    support: float = 0.0
    supported: bool = False
    id: str = ""
    version: int = 1
    corrected: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """Something somebody is to do; `owner` and `due` only where the meeting names them, in its own words."""

    text: str
    owner: str | None = None
    due: str | None = None
    evidence: tuple[int, ...] = ()
    support: float = 0.0
    supported: bool = False
    id: str = ""
    version: int = 1
    corrected: bool = False


MinutesItem = TypeVar("MinutesItem", Sentence, Action)


@dataclass(frozen=True, slots=True)
class Chapter:
    title: str
    first_sample: int
    end_sample: int
    sentences: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Minutes:
    overview: tuple[Sentence, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    decisions: tuple[Sentence, ...] = ()
    actions: tuple[Action, ...] = ()


ID_DIGITS = 12
MINUTES: TypeAdapter[Minutes] = TypeAdapter(Minutes)
"""`MINUTES.dump_python(m, mode="json")` and `MINUTES.validate_python(body)` go to and from a table's body."""


class MinutesPart(StrEnum):
    """Where in the minutes something stands."""

    OVERVIEW = "overview"
    CHAPTER = "chapter"
    DECISION = "decision"
    ACTION = "action"


class Change(Protocol):
    """What becomes of a sentence or an action."""

    def __call__(self, item: MinutesItem, /) -> MinutesItem: ...


def changed(minutes: Minutes, change: Change) -> Minutes:
    """*minutes* with *change* made of every sentence and action."""

    def each(items: Iterable[MinutesItem]) -> tuple[MinutesItem, ...]:
        return tuple(change(item) for item in items)

    chapters = tuple(replace(chapter, sentences=each(chapter.sentences)) for chapter in minutes.chapters)
    return Minutes(each(minutes.overview), chapters, each(minutes.decisions), each(minutes.actions))


def parts(minutes: Minutes) -> Iterator[tuple[MinutesPart, Sentence | Action]]:
    """Everything in *minutes* with its place. Of a sentence that stands in several the last one says most of it."""
    yield from ((MinutesPart.CHAPTER, sentence) for chapter in minutes.chapters for sentence in chapter.sentences)
    yield from ((MinutesPart.OVERVIEW, sentence) for sentence in minutes.overview)
    yield from ((MinutesPart.DECISION, decision) for decision in minutes.decisions)
    yield from ((MinutesPart.ACTION, action) for action in minutes.actions)


def named(minutes: Minutes) -> Minutes:
    """*minutes* with an id for each sentence and action that has none: its words as they were written."""

    def name(item: MinutesItem) -> MinutesItem:
        return item if item.id else replace(item, id=f"s{sha256(item.text.encode()).hexdigest()[:ID_DIGITS]}")

    return changed(minutes, name)


def without_gaps(minutes: Minutes) -> Minutes:
    """*minutes* as people read them: what somebody has taken out, leaving no words, is not there."""

    def each(items: Iterable[MinutesItem]) -> tuple[MinutesItem, ...]:
        return tuple(item for item in items if item.text)

    chapters = tuple(replace(chapter, sentences=each(chapter.sentences)) for chapter in minutes.chapters)
    return Minutes(each(minutes.overview), chapters, each(minutes.decisions), each(minutes.actions))
