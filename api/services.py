"""What one API process holds open, made at start and closed at the end."""

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
from api.live.feed import Feeds
from api.task_sender import Waker
from schema.core.database import Database
from schema.core.settings import Settings
from schema.core.storage import Files, open_files
from schema.mailbox import AsyncMailbox, Mailbox

CONNECTIONS = 64
CONNECT_LIMIT_S = 2.0
ANSWER_LIMIT_S = 5.0
RETRIES = 2
"""Enough for a connection that Redis closed; one that stays away is reported at once."""


@dataclass(frozen=True)
class Services:
    """`blocking_...` are for code that runs in a thread, such as the life cycle of a meeting."""

    config: Settings
    database: Database
    redis: AsyncRedis
    mailbox: AsyncMailbox
    blocking_redis: Redis
    blocking_mailbox: Mailbox
    waker: Waker
    feeds: Feeds
    keys: KeyCache
    limiter: RateLimiter
    files: Files


@asynccontextmanager
async def opened(config: Settings) -> AsyncIterator[Services]:
    """Everything for as long as the process serves. Neither Redis nor the database has to be there yet."""
    database = Database(config.sql_url)
    pool = _pool(config.redis_url)
    redis = AsyncRedis(connection_pool=pool)
    blocking = Redis.from_url(
        config.redis_url,
        socket_connect_timeout=CONNECT_LIMIT_S,
        socket_timeout=ANSWER_LIMIT_S,
        retry=Retry(ExponentialBackoff(cap=0.2, base=0.05), RETRIES),
    )
    waker = Waker(config.redis_url)
    blocking_mailbox = Mailbox(blocking, config.shards)
    feeds = Feeds(redis, database, blocking_mailbox)
    try:
        async with feeds:
            yield Services(
                config=config,
                database=database,
                redis=redis,
                mailbox=AsyncMailbox(redis, config.shards),
                blocking_redis=blocking,
                blocking_mailbox=blocking_mailbox,
                waker=waker,
                feeds=feeds,
                keys=KeyCache(database),
                limiter=RateLimiter(pool, config.requests_per_minute),
                files=open_files(config.storage_url),
            )
    finally:
        waker.close()
        await redis.aclose()
        await pool.disconnect()
        blocking.close()
        database.close()


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
"""The parameter of a route that needs them."""
