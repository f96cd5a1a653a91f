"""The connections and caches of one API process. They are opened at the start and closed at the end."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from redis import Redis
from redis.asyncio import BlockingConnectionPool
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.retry import Retry
from starlette.requests import HTTPConnection

from api.auth.key_cache import KeyCache
from api.auth.rate_limit import RateLimiter
from api.fleet.flower import FlowerFinder
from api.live.feed import MeetingFeeds
from api.live.producers import Producers
from api.metrics.metrics import ApiMetrics
from api.task_sender import TaskSender
from schema.core.database import Database
from schema.core.settings import Settings
from schema.mailbox import AsyncMailbox, Mailbox
from schema.stores import Stores

CONNECTIONS = 64
CONNECT_LIMIT_S = 2.0
ANSWER_LIMIT_S = 5.0
RETRIES = 2
"""Enough to replace a connection that Redis closed. A Redis that stays unreachable is reported at once."""


@dataclass(frozen=True)
class Services:
    """`stores` blocks: it is for code that runs in a thread. `redis` and `mailbox` are for the event loop."""

    config: Settings
    stores: Stores
    redis: AsyncRedis
    mailbox: AsyncMailbox
    task_sender: TaskSender
    feeds: MeetingFeeds
    producers: Producers
    keys: KeyCache
    limiter: RateLimiter
    metrics: ApiMetrics
    flower: FlowerFinder

    @property
    def database(self) -> Database:
        """The database, which is the only store that most routes need."""
        return self.stores.database


@asynccontextmanager
async def opened(config: Settings) -> AsyncIterator[Services]:
    """Open everything for as long as the process serves. Neither Redis nor the database has to run yet."""
    database = Database(config.sql_url)
    pool = _pool(config.redis_url)
    redis = AsyncRedis(connection_pool=pool)
    blocking = Redis.from_url(
        config.redis_url,
        socket_connect_timeout=CONNECT_LIMIT_S,
        socket_timeout=ANSWER_LIMIT_S,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.05), RETRIES),
    )
    task_sender = TaskSender(config.redis_url)
    stores = Stores(database, blocking, Mailbox(blocking, config.shards), config.storage_url)
    feeds = MeetingFeeds(redis, stores)
    try:
        async with feeds:
            yield Services(
                config=config,
                stores=stores,
                redis=redis,
                mailbox=AsyncMailbox(redis, config.shards),
                task_sender=task_sender,
                feeds=feeds,
                producers=Producers(),
                keys=KeyCache(database),
                limiter=RateLimiter(pool, config.requests_per_minute),
                metrics=ApiMetrics(),
                flower=FlowerFinder(config.flower_url, config.flower_port),
            )
    finally:
        task_sender.close()
        await redis.aclose()
        await pool.disconnect()
        stores.close()


def _pool(redis_url: str) -> BlockingConnectionPool:
    return BlockingConnectionPool.from_url(
        redis_url,
        max_connections=CONNECTIONS,
        timeout=ANSWER_LIMIT_S,
        socket_connect_timeout=CONNECT_LIMIT_S,
        socket_timeout=ANSWER_LIMIT_S,
        retry=AsyncRetry(ExponentialBackoff(cap=0.2, base=0.05), RETRIES),
    )


def services_of(connection: HTTPConnection) -> Services:
    services: Services = connection.app.state.services
    return services


ServicesHere = Annotated[Services, Depends(services_of)]
"""The type of a route's parameter that receives the services."""
