"""How long a worker holds a track."""

from __future__ import annotations

from schema.mailbox import Mailbox
from tests.schema.mailbox.claims import LEASE_MS, SECOND, PassTime, claim_one, claimed_ids, release


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
