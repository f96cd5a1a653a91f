"""A mailbox on an empty Redis database, and a clock that tests can move."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis import Redis

from schema.core.units import samples_of_s
from schema.mailbox import Keys, Mailbox

LIMIT = samples_of_s(60)


@pytest.fixture
def mailbox(redis_client: Redis) -> Mailbox:
    """A mailbox with the open live track `t`."""
    mailbox = Mailbox(redis_client)
    mailbox.open("t", committed_sample=0, epoch=0, backlog_limit_samples=LIMIT)
    return mailbox


def shift_clock(client: Redis, ms: int, shard: int = 0) -> None:
    """Make the server's clock jump by *ms* for the scripts of a shard."""
    client.hincrby(Keys(shard).of_shard[0], "offset", ms)


@pytest.fixture
def pass_time(redis_client: Redis) -> Callable[[int], None]:
    """Moves the clock on by *ms* without waiting."""
    return lambda ms: shift_clock(redis_client, ms)
