"""Sends every event of a meeting to every viewer at this API process.

Workers publish an event for each row after its commit, numbered in ascending order within the meeting. An event with
the next number is passed on at once. The feed reads from SQL after a gap in the numbers, after a new subscription in
Redis, and every few seconds. So a lost event delays a viewer by a few seconds at most, and one query serves all viewers
of the meeting at this process.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.http.cancel import cancel
from api.live.catch_up import rows_after
from api.live.subscription import Subscription
from api.meetings.coverage import MeetingCoverage, read_coverage
from schema.core.database import Database
from schema.core.errors import DecodeError, Unavailable
from schema.core.events import Event, channel
from schema.core.states import MeetingState
from schema.stores import Stores
from schema.uploads.views import event_of_meeting

log = logging.getLogger(__name__)

LOOK_S = 2.5
SPREAD = 0.2
"""Spreads the queries of meetings that began at the same time."""
LOOKS_AT_ONCE = 4
RETRY_S = 1.0
TURN_S = 0.2
"""How long the subscription to a new channel may take. SQL has what is published in the meantime."""
CONTROL_CHANNEL = "mb:events:"
"""Nothing is published on this channel. It keeps the subscription open while no meeting is followed."""


class MeetingFeed:
    """The events of one meeting at this process. Once `ready` is set, its subscriptions are offered everything new."""

    def __init__(self, stores: Stores, meeting_id: str, looks: asyncio.Semaphore) -> None:
        self.meeting_id = meeting_id
        self.ready = asyncio.Event()
        self.subscriptions: set[Subscription] = set()
        self._stores = stores
        self._looks = looks
        self._cursor: int | None = None
        self._state: MeetingState | None = None
        self._coverage: MeetingCoverage | None = None
        self._upload: Event | None = None
        self._has_upload = True  # until the first query has shown otherwise
        self._asked = asyncio.Event()

    def hint(self, event: Event) -> None:
        """Handle an event that a worker published."""
        if event.type == "state":
            self.look_soon()  # SQL has the state, and returns it after the rows that precede it
        elif event.type == "coverage":
            totals = self._coverage.data() if self._coverage else {}
            self._offer(Event("coverage", {**totals, **event.data}))
        elif event.seq is None:
            if event.type == "upload":
                self._upload = event
            self._offer(event)
        elif self._cursor is None or event.seq > self._cursor + 1:
            self.look_soon()
        elif event.seq == self._cursor + 1:
            self._cursor = event.seq
            self._offer(event)

    def look_soon(self) -> None:
        self._asked.set()

    async def run(self) -> None:
        """Read from SQL on request, and every LOOK_S."""
        while True:
            try:
                async with self._looks:
                    await self._look()
            except Unavailable as error:
                log.warning("meeting %s cannot be followed at the moment: %s", self.meeting_id, error.detail)
                await asyncio.sleep(RETRY_S)
                continue
            except Exception:
                # One unreadable row must not end the feed of the readable ones.
                log.exception("meeting %s cannot be followed at the moment", self.meeting_id)
                await asyncio.sleep(RETRY_S)
                continue
            pause_s = LOOK_S * random.uniform(1 - SPREAD, 1 + SPREAD)  # noqa: S311 - spreads load, not a secret
            # Not `wait_for`: on Python 3.11 it loses a cancellation that arrives together with the awaited result.
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._asked.wait()

    async def _look(self) -> None:
        self._asked.clear()
        rows = await asyncio.to_thread(rows_after, self._stores.database, self.meeting_id, self._cursor)
        for event in rows.events:
            if event.seq is not None and event.seq > (self._cursor or 0):
                self._cursor = event.seq
                self._offer(event)
        self._cursor = max(self._cursor or 0, rows.through_seq)
        self.ready.set()
        if not rows.complete:
            self.look_soon()
            return
        coverage = await asyncio.to_thread(read_coverage, self._stores, self.meeting_id)
        if coverage != self._coverage:
            self._coverage = coverage
            self._offer(Event("coverage", coverage.data()))
        if self._has_upload:
            await self._look_at_upload()
        if rows.state != self._state:
            self._state = rows.state
            self._offer(Event("state", {"state": rows.state.value}))

    async def _look_at_upload(self) -> None:
        """A meeting has an upload from the beginning, or never."""
        upload = await asyncio.to_thread(_upload_event, self._stores.database, self.meeting_id)
        self._has_upload = upload is not None
        if upload is not None and upload != self._upload:
            self._upload = upload
            self._offer(upload)

    def _offer(self, event: Event) -> None:
        for subscription in self.subscriptions:
            subscription.offer(event)


class MeetingFeeds:
    """The feeds of all meetings that are followed at this process, over one connection to Redis."""

    def __init__(self, redis: Redis, stores: Stores) -> None:
        self._redis = redis
        self._stores = stores
        self._looks = asyncio.Semaphore(LOOKS_AT_ONCE)
        self._feeds: dict[str, MeetingFeed] = {}
        self._looking: dict[str, asyncio.Task[None]] = {}
        self._listening: asyncio.Task[None] | None = None
        self._changed = True

    async def __aenter__(self) -> MeetingFeeds:
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        await cancel(*self._looking.values(), *([self._listening] if self._listening else []))

    @property
    def count(self) -> int:
        """The number of meetings that are followed."""
        return len(self._feeds)

    @contextmanager
    def follow(
        self, meeting_id: str, after: int = 0, known_state: MeetingState | None = None
    ) -> Iterator[Subscription]:
        """A subscription during the block: rows after *after*, and the state unless it is *known_state*."""
        feed = self._feeds.get(meeting_id)
        if feed is None:
            feed = self._feeds[meeting_id] = MeetingFeed(self._stores, meeting_id, self._looks)
            self._changed = True
            self._looking[meeting_id] = asyncio.create_task(feed.run())
        subscription = Subscription(feed, self._stores.database, meeting_id, after, known_state)
        feed.subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            feed.subscriptions.discard(subscription)
            if not feed.subscriptions:
                del self._feeds[meeting_id]
                self._changed = True
                self._looking.pop(meeting_id).cancel()

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except (RedisError, OSError) as error:
                log.warning("no events from Redis, the database is read every %s s instead: %s", LOOK_S, error)
            except Exception:
                log.exception("an event could not be read, the database is read every %s s instead", LOOK_S)
            await asyncio.sleep(RETRY_S)

    async def _listen_once(self) -> None:
        # One task both reads and subscribes: two tasks might reconnect the client's connection at the same time.
        subscribed: set[str] = set()
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe(CONTROL_CHANNEL)
            self._changed = True
            while True:
                if self._changed:
                    self._changed = False
                    wanted = {channel(meeting_id) for meeting_id in self._feeds}
                    if new := wanted - subscribed:
                        await pubsub.subscribe(*new)
                    if old := subscribed - wanted:
                        await pubsub.unsubscribe(*old)
                    subscribed = wanted
                message = await pubsub.get_message(timeout=TURN_S)
                if message is not None:
                    self._take(message)

    def _take(self, message: dict[str, Any]) -> None:
        feed = self._feeds.get(message["channel"].decode().removeprefix(channel("")))
        if feed is None:
            return
        if message["type"] == "subscribe":  # the first time, or after a lost connection
            feed.look_soon()
        elif message["type"] == "message":
            try:
                feed.hint(Event.decode(message["data"]))
            except DecodeError as error:
                log.warning("meeting %s: %s", feed.meeting_id, error.detail)


def _upload_event(database: Database, meeting_id: str) -> Event | None:
    with database.read() as session:
        return event_of_meeting(session, meeting_id)
