"""The items of a realtime session: stretches of its audio, and which words belong to which of them.

Items tile the audio: each goes from the end of the one before to where it is committed. A word belongs to the item in
which its middle lies. Nothing here waits or sends.
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
    """`known`: the client has been told of it, so text may be sent. Whole once the track is committed to `due_sample`.

    `cleared`: the client wants none of it.
    """

    id: str
    first_sample: int
    end_sample: int | None = None
    due_sample: int = 0
    known: bool = False
    cleared: bool = False
    text: str = ""

    def add(self, word: str) -> str:
        """What *word* adds to the text."""
        delta = word if self.text else word.lstrip()
        self.text += delta
        return delta


@dataclass(frozen=True, slots=True)
class Delta:
    item_id: str
    text: str


@dataclass
class RealtimeItems:
    """`open` is what is being said now; `last_id` the item that was committed last."""

    open: RealtimeItem = field(default_factory=lambda: RealtimeItem(_new_id(), 0))
    last_id: str | None = None
    _committed: deque[RealtimeItem] = field(default_factory=deque)
    _waiting: deque[CommittedWord] = field(default_factory=deque)

    @property
    def next_due(self) -> RealtimeItem | None:
        """The committed item that is completed next."""
        return self._committed[0] if self._committed else None

    @property
    def oldest_unclaimed(self) -> CommittedWord | None:
        """A word behind the last item that no known item takes."""
        return self._waiting[0] if self._waiting else None

    def announce(self) -> list[Delta]:
        """The client knows of the open item: words that waited for it are its own."""
        self.open.known = True
        return self._settle()

    def commit(self, end_sample: int, due_sample: int) -> tuple[RealtimeItem, list[Delta]]:
        """The open item ends at *end_sample*; the next one begins there."""
        item = self._close(end_sample, due_sample)
        self.last_id = item.id
        return item, self._settle()

    def clear(self, end_sample: int) -> None:
        """What was said since the last item is nobody's."""
        self._close(end_sample, end_sample).cleared = True
        self._settle()

    def take(self, words: Iterable[CommittedWord]) -> list[Delta]:
        """Words in the order of the track. One that comes after its item was completed goes to the next."""
        self._waiting.extend(words)
        return self._settle()

    def _close(self, end_sample: int, due_sample: int) -> RealtimeItem:
        item = self.open
        item.end_sample, item.due_sample, item.known = end_sample, due_sample, True
        self._committed.append(item)
        self.open = RealtimeItem(_new_id(), end_sample)
        return item

    def complete(self, committed_sample: int) -> RealtimeItem | None:
        """The next item whose text is whole, now that the track is committed to *committed_sample*."""
        if self._committed and self._committed[0].due_sample <= committed_sample:
            return self._committed.popleft()
        return None

    def _settle(self) -> list[Delta]:
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
