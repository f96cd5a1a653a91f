"""A viewer that is slower than its events."""

from __future__ import annotations

import asyncio
from pathlib import Path

from api.live.subscription import QUEUE_LIMIT, Subscription
from schema.core import migrate
from schema.core.database import Database
from schema.core.events import Event
from schema.core.states import MeetingState
from schema.meetings.tables import Meeting, Track
from tests.api.database_rows import add_segments, move


class AlwaysReady:
    """Stands for a connection to Redis that is up."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.ready.set()


def database_with_meeting(folder: Path) -> Database:
    database = Database(f"sqlite:///{folder / 'm.db'}")
    migrate.upgrade(database)
    with database.write() as session:
        session.add(Meeting(id="m", owner="local"))
        session.flush()
        session.add(Track(id="t", meeting_id="m", name="main"))
    return database


def seen_by(database: Database, offered: list[Event]) -> list[Event]:
    """The events that a viewer reads who starts after all of *offered* were offered."""

    async def read() -> list[Event]:
        subscription = Subscription(AlwaysReady(), database, "m", 0, MeetingState.LIVE)
        for event in offered:
            subscription.offer(event)
        return [event async for event in subscription.events()]

    return asyncio.run(read())


def test_partial_words_are_dropped_before_other_events(tmp_path: Path) -> None:
    database = database_with_meeting(tmp_path)
    coverage = Event("coverage", {"received_s": 1.0})

    async def first() -> Event:
        subscription = Subscription(AlwaysReady(), database, "m", 0, MeetingState.LIVE)
        for number in range(QUEUE_LIMIT):
            subscription.offer(Event("partial", {"text": str(number)}))
        subscription.offer(coverage)
        return await anext(subscription.events())

    assert asyncio.run(first()) == coverage
    database.close()


def test_rows_that_exceed_the_queue_are_read_from_the_database_once_and_in_order(tmp_path: Path) -> None:
    database = database_with_meeting(tmp_path)
    rows = add_segments(database, "m", [(f"{number}.", number, number + 1) for number in range(3 * QUEUE_LIMIT)])
    end = move(database, "m", MeetingState.FINISHED)
    seen = seen_by(database, [*rows, *rows, end])
    assert [event.seq for event in seen] == [*range(1, 3 * QUEUE_LIMIT + 1), None]
    assert seen[-1] == end
    database.close()


def test_a_viewer_whose_queue_overflowed_still_gets_the_latest_coverage(tmp_path: Path) -> None:
    database = database_with_meeting(tmp_path)
    rows = add_segments(database, "m", [(f"{number}.", number, number + 1) for number in range(QUEUE_LIMIT)])
    older, latest = (Event("coverage", {"received_s": float(number)}) for number in range(2))

    async def seen() -> list[Event]:
        subscription = Subscription(AlwaysReady(), database, "m", 0, MeetingState.LIVE)
        for event in [older, latest, *rows]:
            subscription.offer(event)
        events = subscription.events()
        return [await anext(events) for _ in range(len(rows) + 1)]

    events = asyncio.run(seen())
    assert [event.seq for event in events] == [*range(1, QUEUE_LIMIT + 1), None]
    assert events[-1] == latest
    database.close()
