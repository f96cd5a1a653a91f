"""The stores of one process, opened once and passed on as one object."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from redis import Redis

from schema.core.database import Database
from schema.core.storage import Files, open_files
from schema.mailbox import Mailbox


@dataclass(frozen=True)
class Stores:
    """Where one process keeps state. Every call blocks.

    `database` holds meetings and all that is written about them. `redis` carries events and keys that expire.
    `mailbox` is the tracks' audio in that Redis. `files` are the uploaded files at `storage_url`.
    """

    database: Database
    redis: Redis
    mailbox: Mailbox
    storage_url: str

    @cached_property
    def files(self) -> Files:
        """Opened at first use: only processes that handle uploads need a storage that they can open.

        Raises InvalidInput.
        """
        return open_files(self.storage_url)

    def close(self) -> None:
        self.database.close()
        self.redis.close()
