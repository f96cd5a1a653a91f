"""A cancelled task ends, even where a cancellation is lost on the way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from api.http.cancel import cancel
from api.live.feed import MeetingFeeds
from schema.core import migrate
from schema.core.database import Database
from schema.core.settings import Settings
from schema.mailbox import Mailbox
from schema.stores import Stores

LIMIT_S = 20


def test_cancel_ends_a_task_whose_first_cancellation_was_lost() -> None:
    async def run() -> None:
        arrived: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def waiting() -> None:
            await asyncio.wait_for(arrived, LIMIT_S)  # on Python 3.11 a cancellation is lost here
            await asyncio.Event().wait()

        task = asyncio.create_task(waiting())
        await asyncio.sleep(0)
        arrived.set_result(None)
        async with asyncio.timeout(LIMIT_S):
            await cancel(task)
        assert task.cancelled()

    asyncio.run(run())


def test_cancel_does_not_raise_the_error_of_the_task() -> None:
    async def run() -> None:
        async def failing() -> None:
            raise ValueError

        task = asyncio.create_task(failing())
        await asyncio.sleep(0)
        await cancel(task)
        assert isinstance(task.exception(), ValueError)

    asyncio.run(run())


@pytest.mark.parametrize("first_turn", [0, 15])
def test_feeds_close_after_any_number_of_loop_turns(settings: Callable[..., Settings], first_turn: int) -> None:
    """During the connection to Redis, during the subscription to a meeting's channel, and after both."""
    config = settings()
    database = Database(config.sql_url)
    migrate.upgrade(database)

    async def run(redis: AsyncRedis, stores: Stores, turns: int) -> None:
        async with asyncio.timeout(LIMIT_S), MeetingFeeds(redis, stores) as feeds:
            with feeds.follow("a-meeting"):
                for _ in range(turns):
                    await asyncio.sleep(0)

    async def run_all(blocking: Redis) -> None:
        stores = Stores(database, blocking, Mailbox(blocking, config.shards), config.storage_url)
        for turns in range(first_turn, first_turn + 15):
            async with AsyncRedis.from_url(config.redis_url, socket_timeout=5) as redis:
                await run(redis, stores, turns)

    with Redis.from_url(config.redis_url) as blocking:
        asyncio.run(run_all(blocking))
    database.close()
