"""The interface of writers: they read a window of a transcript and say what it changes in the ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from schema.minutes.briefing import Briefing
from schema.minutes.ledger import ChangeKind, Item, ItemKind
from schema.minutes.minutes import Minutes
from schema.templates.template import Template
from workers.summarize.text.segment import SpokenSegment


@dataclass(frozen=True, slots=True)
class WindowTask:
    """A window to read, which must not be empty, and what a writer may know about its meeting.

    `language` is the meeting's. `people` are names that are known already. `items` are open items that the window may
    change, a bounded number of them. `briefing` is what people said about the meeting beforehand, and `typed_notes` are
    what they typed while the window was said. `template` says what the minutes look like; None means the usual ones.
    """

    window: Sequence[SpokenSegment]
    language: str
    people: frozenset[str] = frozenset()
    items: Sequence[Item] = ()
    briefing: Briefing = field(default_factory=Briefing)
    typed_notes: Sequence[str] = ()
    template: Template | None = None

    @property
    def wanted_language(self) -> str:
        """The language to write in, for a writer who knows more than that of the meeting."""
        return self.briefing.minutes_language or self.language


@dataclass(frozen=True, slots=True)
class Draft:
    """A change as a writer proposes it.

    `item` is the id of the open item that it changes. Without one it adds an item, or what the code finds it to repeat.
    `evidence` are ids of segments. Without them the code looks for the segments that carry the text.
    `section` is the name of the section of the template in which a point belongs.
    """

    kind: ItemKind
    text: str
    owner: str | None = None
    due: str | None = None
    evidence: tuple[int, ...] = ()
    change: ChangeKind = ChangeKind.ADD
    item: str | None = None
    section: str | None = None


@dataclass(frozen=True, slots=True)
class NoteDraft:
    """What a writer says about a window. `title` names its topic. `language` is set if it is not the meeting's.

    `author` is the chat model that wrote it. `fell_back` says why such a model was asked in vain.
    """

    title: str
    drafts: tuple[Draft, ...] = ()
    author: str | None = None
    fell_back: str | None = None
    language: str | None = None


class NoteWriter(Protocol):
    """Writes the note of a window."""

    def note(self, task: WindowTask) -> NoteDraft:
        """The changes that the window of *task* makes."""


@dataclass(frozen=True, slots=True)
class FinalTask:
    """The minutes of a meeting that has ended, with the title and overview of rules, and its whole transcript."""

    minutes: Minutes
    segments: Sequence[SpokenSegment]
    language: str


@dataclass(frozen=True, slots=True)
class OverviewDraft:
    """A sentence of the overview. `evidence` are ids of segments; without them the code looks for them."""

    text: str
    evidence: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FinalDraft:
    """What a writer says about a whole meeting. `chapter_titles` are by index of the chapter.

    `author` and `fell_back` are as in `NoteDraft`. A draft with `fell_back` says nothing else.
    """

    title: str = ""
    overview: tuple[OverviewDraft, ...] = ()
    chapter_titles: Mapping[int, str] = field(default_factory=dict)
    author: str | None = None
    fell_back: str | None = None


class FinalWriter(Protocol):
    """Writes the title, the overview and the titles of the chapters at the end of a meeting."""

    def final(self, task: FinalTask) -> FinalDraft:
        """What *task* is about."""
