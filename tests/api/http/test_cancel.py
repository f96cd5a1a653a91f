"""What is cancelled ends, also where a cancellation is lost on the way."""

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


def test_a_task_whose_cancellation_met_its_result_ends() -> None:
    async def scene() -> None:
        came: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def waiting() -> None:
            await asyncio.wait_for(came, LIMIT_S)  # on Python 3.11 a cancellation is lost here
            await asyncio.Event().wait()

        task = asyncio.create_task(waiting())
        await asyncio.sleep(0)
        came.set_result(None)
        async with asyncio.timeout(LIMIT_S):
            await cancel(task)
        assert task.cancelled()

    asyncio.run(scene())


def test_the_errors_of_what_is_cancelled_hurt_nobody() -> None:
    async def scene() -> None:
        async def failing() -> None:
            raise ValueError

        task = asyncio.create_task(failing())
        await asyncio.sleep(0)
        await cancel(task)
        assert isinstance(task.exception(), ValueError)

    asyncio.run(scene())


@pytest.mark.parametrize("first_turn", [0, 15])
def test_feeds_close_at_any_turn_of_the_loop(settings: Callable[..., Settings], first_turn: int) -> None:
    """While the connection to Redis is made, while a meeting's channel is subscribed to, and after."""
    config = settings()
    database = Database(config.sql_url)
    migrate.upgrade(database)

    async def scene(redis: AsyncRedis, stores: Stores, turns: int) -> None:
        async with asyncio.timeout(LIMIT_S), MeetingFeeds(redis, stores) as feeds:
            with feeds.follow("a-meeting"):
                for _ in range(turns):
                    await asyncio.sleep(0)

    async def scenes(blocking: Redis) -> None:
        stores = Stores(database, blocking, Mailbox(blocking, config.shards), config.storage_url)
        for turns in range(first_turn, first_turn + 15):
            async with AsyncRedis.from_url(config.redis_url, socket_timeout=5) as redis:
                await scene(redis, stores, turns)

    with Redis.from_url(config.redis_url) as blocking:
        asyncio.run(scenes(blocking))
    database.close()
