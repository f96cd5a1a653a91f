"""The server's clock may jump, and nothing waits longer because of it."""

from __future__ import annotations

from redis import Redis

from schema.mailbox import Mailbox
from tests.schema.mailbox.conftest import shift_clock

DAY_MS = 24 * 3600 * 1000


def test_a_jump_back_does_not_prolong_a_pause(mailbox: Mailbox, redis_client: Redis) -> None:
    mailbox.append("t", 0, b"ab")
    claim = mailbox.claim("w", 1, 10_000).tracks[0]
    mailbox.release("t", claim.epoch, committed_sample=0, keep_sample=0, seen_sample=1, delay_ms=30_000, retry=True)
    shift_clock(redis_client, -DAY_MS)
    claimed = mailbox.claim("w", 1, 10_000)
    assert claimed.next_due_in_ms is not None
    assert claimed.next_due_in_ms <= 30_000
    shift_clock(redis_client, 30_000)
    assert mailbox.claim("w", 1, 10_000).tracks


def test_a_jump_back_does_not_prolong_a_lease(mailbox: Mailbox, redis_client: Redis) -> None:
    mailbox.append("t", 0, b"ab")
    first = mailbox.claim("w", 1, 10_000).tracks[0]
    shift_clock(redis_client, -DAY_MS)
    mailbox.append("t", 1, b"ab")
    shift_clock(redis_client, 10_000)
    second = mailbox.claim("w", 1, 10_000).tracks[0]
    assert second.epoch > first.epoch


def test_after_a_jump_forward_ends_a_lease_only_the_new_worker_can_extend(
    mailbox: Mailbox, redis_client: Redis
) -> None:
    mailbox.append("t", 0, b"ab")
    slow = mailbox.claim("slow", 1, 10_000).tracks[0]
    shift_clock(redis_client, DAY_MS)
    fast = mailbox.claim("fast", 1, 10_000).tracks[0]
    assert not mailbox.extend("t", slow.epoch, 10_000)
    assert mailbox.extend("t", fast.epoch, 10_000)


def test_status_and_depth_do_not_change_the_stored_clock(mailbox: Mailbox, redis_client: Redis) -> None:
    mailbox.append("t", 0, b"ab")
    before = redis_client.hgetall("{mb:0}:shard")
    shift_clock(redis_client, DAY_MS)
    assert mailbox.status("t").due_in_ms == 0
    assert mailbox.depth().due == 1
    assert redis_client.hget("{mb:0}:shard", "clock") == before[b"clock"]
