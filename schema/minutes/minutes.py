"""Minutes, as the database stores them and clients read them: a view of the ledger.

Evidence is given as ids of segments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Protocol, TypeVar

from pydantic import TypeAdapter

from schema.core.wire import Shown
from schema.minutes.due_date import due_date
from schema.minutes.ledger import ItemKind, item_id


@dataclass(frozen=True, slots=True)
class Earlier:
    """What an item said before the meeting changed it."""

    text: Shown
    owner: Shown | None = None
    due: Shown | None = None
    evidence: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the minutes: a point, a decision, a question, or a sentence of the overview.

    * `support` is the probability that the evidence carries the sentence. Below a threshold, `supported` is false.
    * `id` identifies the sentence within its minutes. It stays when the meeting changes the item.
    * `earlier` is what the item said before the meeting changed it, the first version first.
    * `version` counts the changes by people. `corrected` means that a person changed the summariser's sentence; see
      `schema.corrections.sentences`.
    """

    text: Shown
    evidence: tuple[int, ...] = ()
    support: float = 0.0
    supported: bool = False
    id: str = ""
    version: int = 1
    corrected: bool = False
    earlier: tuple[Earlier, ...] = ()


@dataclass(frozen=True, slots=True)
class Action:
    """A task for somebody. `owner` and `due` are set only if the meeting names them, and quote its words.

    `done` means that the meeting reported it as done. `due_on` is the day that `due` means, counted from the start of
    the meeting; see `schema.minutes.due_date`. It is computed when the minutes are read.
    """

    text: Shown
    owner: Shown | None = None
    due: Shown | None = None
    evidence: tuple[int, ...] = ()
    support: float = 0.0
    supported: bool = False
    id: str = ""
    version: int = 1
    corrected: bool = False
    earlier: tuple[Earlier, ...] = ()
    done: bool = False
    due_on: date | None = None


MinutesItem = TypeVar("MinutesItem", Sentence, Action)


@dataclass(frozen=True, slots=True)
class Chapter:
    """A part of the meeting, in [first_sample, end_sample). `title` is empty if no word tells its topic."""

    title: Shown
    first_sample: int
    end_sample: int
    sentences: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class HeadedSection:
    """A section of the template: all items of `kind`, or the points `sentences`."""

    heading: Shown
    kind: ItemKind | None = None
    sentences: tuple[Sentence, ...] = ()


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """A decision or a task that the meeting took back. `evidence` says it, `by` takes it back."""

    kind: ItemKind
    text: Shown
    owner: Shown | None = None
    evidence: tuple[int, ...] = ()
    by: tuple[int, ...] = ()
    id: str = ""


@dataclass(frozen=True, slots=True)
class Minutes:
    """`questions` are open at the end. `title` is None where no writer found one.

    `written_by` names the chat model that wrote the title and the overview of final minutes. `fell_back` says why such
    a model was asked in vain. `language` is the one that was asked for, if all of the minutes is in it. If a part of
    them is not, that language is `wanted_language`. Both are None if none was asked for. `sections` are those of
    the template, in order; without any, minutes have the general ones.
    """

    overview: tuple[Sentence, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    decisions: tuple[Sentence, ...] = ()
    actions: tuple[Action, ...] = ()
    questions: tuple[Sentence, ...] = ()
    withdrawn: tuple[Withdrawn, ...] = ()
    title: Shown | None = None
    written_by: Shown | None = None
    fell_back: Shown | None = None
    language: Shown | None = None
    wanted_language: Shown | None = None
    sections: tuple[HeadedSection, ...] = ()


MINUTES: TypeAdapter[Minutes] = TypeAdapter(Minutes)
"""Converts minutes to the body of a row with `dump_python(m, mode="json")`, and back with `validate_python(body)`."""


class MinutesPart(StrEnum):
    """The parts of the minutes."""

    OVERVIEW = "overview"
    CHAPTER = "chapter"
    DECISION = "decision"
    ACTION = "action"
    QUESTION = "question"


class ItemEdit(Protocol):
    """A function that changes a sentence or an action."""

    def __call__(self, item: MinutesItem, /) -> MinutesItem: ...


class Rebuild(Protocol):
    """A function that changes a list of sentences or actions."""

    def __call__(self, items: Iterable[MinutesItem], /) -> tuple[MinutesItem, ...]: ...


def changed(minutes: Minutes, change: ItemEdit) -> Minutes:
    """Return *minutes* with *change* applied to every sentence and action."""

    def each(items: Iterable[MinutesItem]) -> tuple[MinutesItem, ...]:
        return tuple(change(item) for item in items)

    return _rebuilt(minutes, each)


def _rebuilt(minutes: Minutes, each: Rebuild) -> Minutes:
    """Return *minutes* with *each* applied to every list of sentences and to the actions."""
    return replace(
        minutes,
        overview=each(minutes.overview),
        chapters=tuple(replace(chapter, sentences=each(chapter.sentences)) for chapter in minutes.chapters),
        sections=tuple(replace(section, sentences=each(section.sentences)) for section in minutes.sections),
        decisions=each(minutes.decisions),
        actions=each(minutes.actions),
        questions=each(minutes.questions),
    )


def parts(minutes: Minutes) -> Iterator[tuple[MinutesPart, Sentence | Action]]:
    """Yield every sentence and action with its part.

    A sentence can stand in several parts. The most specific part comes last: decision after overview after chapter.
    """
    for told in (*(each.sentences for each in minutes.chapters), *(each.sentences for each in minutes.sections)):
        yield from ((MinutesPart.CHAPTER, sentence) for sentence in told)
    yield from ((MinutesPart.OVERVIEW, sentence) for sentence in minutes.overview)
    yield from ((MinutesPart.DECISION, decision) for decision in minutes.decisions)
    yield from ((MinutesPart.ACTION, action) for action in minutes.actions)
    yield from ((MinutesPart.QUESTION, question) for question in minutes.questions)


def named(minutes: Minutes) -> Minutes:
    """Return *minutes* with an id for each sentence and action that has none. The id is a hash of the text."""

    def name(item: MinutesItem) -> MinutesItem:
        return item if item.id else replace(item, id=item_id(item.text))

    return changed(minutes, name)


def dated(minutes: Minutes, said_on: date) -> Minutes:
    """Return *minutes* of a meeting on the day *said_on*, with `due_on` for each action whose `due` means a day."""
    actions = (replace(each, due_on=due_date(each.due or "", said_on)) for each in minutes.actions)
    return replace(minutes, actions=tuple(actions))


def without_gaps(minutes: Minutes) -> Minutes:
    """Return *minutes* without the sentences and actions that somebody has removed. A removed one has empty text."""

    def each(items: Iterable[MinutesItem]) -> tuple[MinutesItem, ...]:
        return tuple(item for item in items if item.text)

    return _rebuilt(minutes, each)
