"""Limits the requests per minute of each key. Redis counts them across all API processes."""

from __future__ import annotations

import logging
import time

from limits import RateLimitItemPerMinute
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import BlockingConnectionPool
from redis.exceptions import RedisError

from api.auth.keys import Principal
from schema.core.errors import RateLimited

log = logging.getLogger(__name__)


class RateLimiter:
    """A moving window of one minute. *default_per_minute* applies to keys without a limit of their own."""

    def __init__(self, pool: BlockingConnectionPool, default_per_minute: int) -> None:
        storage = RedisStorage(
            "async+redis://",  # names the kind only; the pool has the address, which may lack a port
            implementation="redispy",
            key_prefix="mb:limit",
            connection_pool=pool,  # type: ignore[arg-type]  # documented; it is passed on to the client unchanged
        )
        self._limiter = MovingWindowRateLimiter(storage)
        self._default = default_per_minute

    async def take(self, principal: Principal) -> None:
        """Count one request. Raises RateLimited with `retry_after_ms`.

        Without Redis there is no limit: requests that need Redis fail anyway, and the others are served.
        """
        limit = RateLimitItemPerMinute(principal.requests_per_minute or self._default)
        try:
            if await self._limiter.hit(limit, principal.owner):
                return
            reset_at_s = (await self._limiter.get_window_stats(limit, principal.owner)).reset_time
        except RedisError as error:
            log.warning("requests are not counted: %s", error)
            return
        wait_ms = max(1000, round(1000 * (reset_at_s - time.time())))
        raise RateLimited(
            f"this key may send {limit.amount} requests a minute; wait {wait_ms} ms", retry_after_ms=wait_ms
        )
