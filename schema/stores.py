"""The stores of a process, as one object."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from redis import Redis

from schema.core.database import Database
from schema.core.storage import Files, open_files
from schema.mailbox import Mailbox


@dataclass(frozen=True)
class Stores:
    """The stores that one process has open. All calls to them block.

    * `database`: meetings and everything that belongs to them.
    * `redis`: events, and keys that expire.
    * `mailbox`: the audio of the tracks, in the same Redis.
    * `files`: the uploaded files at `storage_url`.
    """

    database: Database
    redis: Redis
    mailbox: Mailbox
    storage_url: str

    @cached_property
    def files(self) -> Files:
        """The storage for files, opened at first use. Processes that handle no uploads need no storage.

        Raises InvalidInput when `storage_url` cannot be opened.
        """
        return open_files(self.storage_url)

    def close(self) -> None:
        self.database.close()
        self.redis.close()
