"""Keys seen in the last seconds, so that a busy client does not cost a query for each request."""

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

KEPT_S = 5.0
"""How long a revoked key may still work."""
KEPT_KEYS = 10_000
LOOK_S = 1.0
"""How often the key of an open connection is looked up, mostly in memory."""


class KeyCache:
    """Remembers valid and invalid keys by their hash for KEPT_S."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: OrderedDict[bytes, tuple[float, Principal | None]] = OrderedDict()

    async def principal(self, key: str) -> Principal:
        """Whose key it is. Raises Unauthorized, Unavailable."""
        digest = hashlib.sha256(key.encode()).digest()
        seen_s, principal = self._seen.get(digest, (0.0, None))
        if not seen_s or time.monotonic() - seen_s > KEPT_S:
            principal = await asyncio.to_thread(self._read, key)
            self._seen[digest] = (time.monotonic(), principal)
            self._seen.move_to_end(digest)
            if len(self._seen) > KEPT_KEYS:
                self._seen.popitem(last=False)
        if principal is None:
            raise unknown_key()
        return principal

    async def revoked(self, key: str) -> Unauthorized:
        """Wait until *key* is valid no more; returns the error to end its connections with.

        A database that cannot be asked for now ends none of them.
        """
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.principal(key)
            except Unauthorized as error:
                return error
            except Unavailable as error:
                log.warning("the keys of open connections cannot be checked for now: %s", error.detail)

    def _read(self, key: str) -> Principal | None:
        try:
            return read_principal(self._database, key)
        except Unauthorized:
            return None
