"""One viewer's position in a meeting. The viewer gets every row once and in order, even if events were lost."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from typing import Protocol

from api.live.catch_up import rows_after
from schema.core.database import Database
from schema.core.errors import Unavailable
from schema.core.events import ENDING_STATES, Event
from schema.core.states import MeetingState

log = logging.getLogger(__name__)

QUEUE_LIMIT = 256
RETRY_S = 1.0
ORDER = tuple(MeetingState)
"""A meeting goes through its states in this order, and never back."""


class Ready(Protocol):
    """A feed. Once `ready` is set, the subscription is offered everything new."""

    ready: asyncio.Event


class Subscription:
    """Yields the rows after *after* from SQL, then the events that the feed offers.

    If the reader is slow, partial words are dropped first. If that is not enough, all events are dropped except the
    latest of each kind that is not in SQL, and the reader continues from SQL.
    """

    def __init__(
        self, feed: Ready, database: Database, meeting_id: str, after: int, known_state: MeetingState | None
    ) -> None:
        self.cursor = after
        self._feed = feed
        self._database = database
        self._meeting_id = meeting_id
        self._state = known_state
        self._queue: deque[Event] = deque()
        self._behind = True
        self._woken = asyncio.Event()
        self._closed = False

    def offer(self, event: Event) -> None:
        """Queue an event. Never waits."""
        if len(self._queue) >= QUEUE_LIMIT:
            self._shed()
        self._queue.append(event)
        self._woken.set()

    def close(self) -> None:
        """End `events` before the meeting ends."""
        self._closed = True
        self._woken.set()

    def _shed(self) -> None:
        kept = [event for event in self._queue if event.type != "partial"]
        self._queue.clear()
        if len(kept) >= QUEUE_LIMIT:
            self._behind = True
            # No row has these events, and they may never be published again.
            kept = list({event.type: event for event in kept if event.seq is None and event.type != "state"}.values())
        self._queue.extend(kept)

    async def events(self) -> AsyncIterator[Event]:
        """Yield events until `close` is called or the meeting has ended; its last event is the state."""
        await self._feed.ready.wait()
        while not self._closed:
            if self._behind:
                async for event in self._catch_up():
                    yield event
            elif self._queue:
                event = self._queue.popleft()
                if self._is_new(event):
                    yield event
            else:
                self._woken.clear()
                await self._woken.wait()
            if self._state in ENDING_STATES:
                return

    async def _catch_up(self) -> AsyncIterator[Event]:
        # Before the query: what is dropped while it runs has to be read again.
        self._behind = False
        try:
            rows = await asyncio.to_thread(rows_after, self._database, self._meeting_id, self.cursor)
        except Unavailable as error:
            log.warning("a viewer of meeting %s waits: %s", self._meeting_id, error.detail)
            self._behind = True
            await asyncio.sleep(RETRY_S)
            return
        for event in rows.events:
            if self._is_new(event):
                yield event
        self.cursor = max(self.cursor, rows.through_seq)
        if not rows.complete:
            self._behind = True
            return
        state = Event("state", {"state": rows.state.value})
        if self._is_new(state):
            yield state

    def _is_new(self, event: Event) -> bool:
        """Whether the event is new to the viewer. It then counts as seen."""
        if event.type == "state":
            state = MeetingState(event.data["state"])
            if self._state is not None and ORDER.index(state) <= ORDER.index(self._state):
                return False  # a queued state may be older than one that was read from SQL since
            self._state = state
        elif event.seq is not None:
            if event.seq <= self.cursor:
                return False
            self.cursor = event.seq
        return True
