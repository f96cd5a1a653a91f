"""Caches keys for a few seconds, so that a busy client does not cost one query per request."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections import OrderedDict

from api.auth.keys import Principal, read_principal, unknown_key
from schema.core.database import Database
from schema.core.errors import Unauthorized, Unavailable

log = logging.getLogger(__name__)

CACHE_S = 5.0
"""A revoked key may still work for this long."""
CACHE_KEYS = 10_000
RECHECK_S = 1.0
"""Pause between two checks of an open connection's key. Most checks only read the cache."""


class KeyCache:
    """Keeps valid and invalid keys by their hash for CACHE_S."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._cache: OrderedDict[bytes, tuple[float, Principal | None]] = OrderedDict()

    async def principal(self, key: str) -> Principal:
        """The principal of *key*. Raises Unauthorized, Unavailable."""
        digest = hashlib.sha256(key.encode()).digest()
        read_at_s, principal = self._cache.get(digest, (0.0, None))
        if not read_at_s or time.monotonic() - read_at_s > CACHE_S:
            principal = await asyncio.to_thread(self._read, key)
            self._cache[digest] = (time.monotonic(), principal)
            self._cache.move_to_end(digest)
            if len(self._cache) > CACHE_KEYS:
                self._cache.popitem(last=False)
        if principal is None:
            raise unknown_key()
        return principal

    async def wait_until_revoked(self, key: str) -> Unauthorized:
        """Wait until *key* is no longer valid, and return the error that ends its connections.

        An unreachable database ends no connection.
        """
        while True:
            await asyncio.sleep(RECHECK_S)
            try:
                await self.check(key)
            except Unauthorized as error:
                return error

    async def check(self, key: str) -> None:
        """Raises Unauthorized if *key* was revoked. It stays valid while the database cannot be reached."""
        try:
            await self.principal(key)
        except Unavailable as error:
            log.warning("the keys of open connections cannot be checked at the moment: %s", error.detail)

    def _read(self, key: str) -> Principal | None:
        try:
            return read_principal(self._database, key)
        except Unauthorized:
            return None
