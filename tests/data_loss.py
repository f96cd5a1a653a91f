"""A server that loses all its data at a chosen moment."""

from __future__ import annotations

from typing import TypeVar

from redis import Redis

from schema.mailbox import Mailbox
from schema.mailbox.calls import Call

T = TypeVar("T")


class MailboxThatLosesAllData(Mailbox):
    """A real mailbox whose server loses all data right before the operation number *at*."""

    def __init__(self, client: Redis, at: int) -> None:
        super().__init__(client)
        self.calls_left = at

    def _run(self, call: Call[T]) -> T:
        if self.calls_left == 0:
            self.client.flushdb()
        self.calls_left -= 1
        return super()._run(call)
