"""The interface of writers: they read a window of a transcript and say what it changes in the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from schema.minutes.briefing import Briefing
from schema.minutes.ledger import ChangeKind, Item, ItemKind
from workers.summarize.text.segment import SpokenSegment


@dataclass(frozen=True, slots=True)
class WindowTask:
    """A window to read, which must not be empty, and what a writer may know about its meeting.

    `language` is the meeting's. `people` are names that are known already. `items` are open items that the window may
    change, a bounded number of them. `briefing` is what people said about the meeting beforehand.
    """

    window: Sequence[SpokenSegment]
    language: str
    people: frozenset[str] = frozenset()
    items: Sequence[Item] = ()
    briefing: Briefing = field(default_factory=Briefing)


@dataclass(frozen=True, slots=True)
class Draft:
    """A change as a writer proposes it.

    `item` is the id of the open item that it changes. Without one it adds an item, or what the code finds it to repeat.
    `evidence` are ids of segments. Without them the code looks for the segments that carry the text.
    """

    kind: ItemKind
    text: str
    owner: str | None = None
    due: str | None = None
    evidence: tuple[int, ...] = ()
    change: ChangeKind = ChangeKind.ADD
    item: str | None = None


@dataclass(frozen=True, slots=True)
class NoteDraft:
    """What a writer says about a window. `title` names its topic.

    `author` is the chat model that wrote it. `fell_back` says why such a model was asked in vain.
    """

    title: str
    drafts: tuple[Draft, ...] = ()
    author: str | None = None
    fell_back: str | None = None


class NoteWriter(Protocol):
    """Writes the note of a window."""

    def note(self, task: WindowTask) -> NoteDraft:
        """The changes that the window of *task* makes."""
