"""The items of a realtime session: stretches of its audio, and the words that belong to each.

Items cover the audio without gaps: each begins where the previous one ends and ends where it is committed. A word
belongs to the item that contains the middle of the word. If the end of an item may cut its last word and somebody waits
for the item, the word belongs to the next one, whose audio completes it. Nothing here waits or sends.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CommittedWord:
    """A committed word; `middle_sample` is a position in the track."""

    text: str
    middle_sample: int


@dataclass(slots=True)
class RealtimeItem:
    """A stretch of audio and its text. The text is complete once the worker has answered up to `due_sample`.

    `known`: the client knows the item, so its text may be sent. `cleared`: the client has discarded it.
    """

    id: str
    first_sample: int
    end_sample: int | None = None
    due_sample: int = 0
    known: bool = False
    cleared: bool = False
    text: str = ""

    def add(self, word: str) -> str:
        """Add *word*, and return what it adds to the text."""
        delta = word if self.text else word.lstrip()
        self.text += delta
        return delta


@dataclass(frozen=True, slots=True)
class Delta:
    item_id: str
    text: str


@dataclass
class RealtimeItems:
    """`open` is the item that is being spoken; `last_id` is the item that was committed last."""

    open: RealtimeItem = field(default_factory=lambda: RealtimeItem(_new_id(), 0))
    last_id: str | None = None
    _committed: deque[RealtimeItem] = field(default_factory=deque)
    _waiting: deque[CommittedWord] = field(default_factory=deque)

    @property
    def next_due(self) -> RealtimeItem | None:
        """The committed item that will be completed next."""
        return self._committed[0] if self._committed else None

    @property
    def oldest_unclaimed(self) -> CommittedWord | None:
        """The first word after the last item that belongs to no known item."""
        return self._waiting[0] if self._waiting else None

    def announce(self) -> list[Delta]:
        """Mark the open item as known to the client, and assign the words that waited for it."""
        self.open.known = True
        return self._assign_words()

    def commit(self, end_sample: int, due_sample: int) -> tuple[RealtimeItem, list[Delta]]:
        """End the open item at *end_sample*. The next one begins there."""
        item = self._close(end_sample, due_sample)
        self.last_id = item.id
        return item, self._assign_words()

    def clear(self, end_sample: int) -> None:
        """Discard everything since the last item."""
        self._close(end_sample, end_sample).cleared = True
        self._assign_words()

    def add_words(self, words: Iterable[CommittedWord]) -> list[Delta]:
        """Add words in the order of the track. A word that arrives after its item was completed joins the next."""
        self._waiting.extend(words)
        return self._assign_words()

    def _close(self, end_sample: int, due_sample: int) -> RealtimeItem:
        item = self.open
        item.end_sample, item.due_sample, item.known = end_sample, due_sample, True
        self._committed.append(item)
        self.open = RealtimeItem(_new_id(), end_sample)
        return item

    def complete(self, answered_sample: int) -> RealtimeItem | None:
        """The next item whose text is complete, given that words are there up to *answered_sample*."""
        if self._committed and self._committed[0].due_sample <= answered_sample:
            return self._committed.popleft()
        return None

    def _assign_words(self) -> list[Delta]:
        deltas: list[Delta] = []
        while self._waiting:
            item = self._item_at(self._waiting[0].middle_sample)
            if not item.known:
                break
            delta = item.add(self._waiting.popleft().text)
            if not item.cleared:
                deltas.append(Delta(item.id, delta))
        return deltas

    def _item_at(self, sample: int) -> RealtimeItem:
        ends = (item for item in self._committed if item.end_sample is not None and sample < item.end_sample)
        return next(ends, self.open)


def _new_id() -> str:
    return f"item_{secrets.token_hex(10)}"
