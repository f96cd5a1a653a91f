"""How long a worker holds a track, also when the clock of the server jumps."""

from __future__ import annotations

from redis import Redis

from schema.mailbox import Mailbox
from tests.schema.mailbox.conftest import LEASE_MS, SECOND, PassTime, claim_one, claimed_ids, release, shift_clock


def test_a_dead_workers_track_is_due_when_its_lease_ends(mailbox: Mailbox, pass_time: PassTime) -> None:
    mailbox.append("t", 0, SECOND)
    first = claim_one(mailbox)
    pass_time(LEASE_MS + 1)
    second = claim_one(mailbox)
    assert second.epoch > first.epoch
    assert (second.attempts, second.received_sample) == (2, 16_000)


def test_an_extended_lease_ends_later(mailbox: Mailbox, pass_time: PassTime) -> None:
    mailbox.append("t", 0, SECOND)
    claim = claim_one(mailbox)
    pass_time(LEASE_MS // 2)
    assert mailbox.extend("t", claim.epoch, LEASE_MS)
    pass_time(LEASE_MS // 2 + 1)
    assert claimed_ids(mailbox) == []


def test_an_expired_lease_can_be_extended_while_nobody_took_the_track(mailbox: Mailbox, pass_time: PassTime) -> None:
    mailbox.append("t", 0, SECOND)
    claim = claim_one(mailbox)
    pass_time(LEASE_MS + 1)
    assert mailbox.extend("t", claim.epoch, LEASE_MS)
    assert claimed_ids(mailbox) == []


def test_a_worker_whose_track_was_taken_can_neither_extend_nor_release(mailbox: Mailbox, pass_time: PassTime) -> None:
    mailbox.append("t", 0, SECOND)
    slow = claim_one(mailbox)
    pass_time(LEASE_MS + 1)
    fast = claim_one(mailbox)
    before = mailbox.status("t")
    assert not mailbox.extend("t", slow.epoch, LEASE_MS)
    assert not release(mailbox, slow)
    assert mailbox.status("t").committed_sample == before.committed_sample == 0
    assert release(mailbox, fast)


def test_a_released_track_cannot_be_extended(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    claim = claim_one(mailbox)
    release(mailbox, claim)
    assert not mailbox.extend("t", claim.epoch, LEASE_MS)


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
