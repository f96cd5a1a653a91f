"""An epoch is given out only once, whatever the server loses and wherever its clock jumps."""

from __future__ import annotations

from redis import Redis

from schema.mailbox import Claim, Mailbox
from tests.schema.mailbox.conftest import LEASE_MS, LIMIT, SECOND, PassTime, claim_one, release, shift_clock
from tests.schema.mailbox.test_lease import DAY_MS

SQL_EPOCH = 10**13
"""The epoch in SQL, far ahead of a clock in milliseconds, as after a correction of the clock."""


def open_from_sql(mailbox: Mailbox, epoch: int = SQL_EPOCH) -> None:
    mailbox.open("lost", committed_sample=0, epoch=epoch, backlog_limit_samples=LIMIT)
    mailbox.append("lost", 0, SECOND)


def assert_holds_nothing(mailbox: Mailbox, claim: Claim) -> None:
    before = mailbox.status("lost")
    assert not mailbox.extend("lost", claim.epoch, LEASE_MS)
    assert not release(mailbox, claim)
    assert mailbox.status("lost").committed_sample == before.committed_sample


def test_a_claim_from_before_a_loss_of_data_cannot_extend_or_release(redis_client: Redis) -> None:
    mailbox = Mailbox(redis_client)
    open_from_sql(mailbox)
    old = claim_one(mailbox)
    redis_client.flushdb()
    shift_clock(redis_client, -DAY_MS)
    open_from_sql(mailbox)
    new = claim_one(mailbox)
    assert_holds_nothing(mailbox, old)
    assert release(mailbox, new)


def test_a_claim_whose_commit_is_in_sql_does_not_hold_the_new_mailbox(redis_client: Redis) -> None:
    mailbox = Mailbox(redis_client)
    open_from_sql(mailbox)
    old = claim_one(mailbox)
    redis_client.flushdb()
    open_from_sql(mailbox, old.epoch)
    assert_holds_nothing(mailbox, old)


def test_reopening_a_mailbox_does_not_revive_an_old_claim(mailbox: Mailbox, redis_client: Redis) -> None:
    """SQL has the commit of a holder from before a loss, and an API process opens the track for another producer."""
    open_from_sql(mailbox)
    new = claim_one(mailbox)
    old_epoch = new.epoch + 1
    mailbox.open("lost", committed_sample=0, epoch=old_epoch, backlog_limit_samples=LIMIT)
    assert not mailbox.extend("lost", old_epoch, LEASE_MS)
    assert release(mailbox, new)


def test_a_server_that_lost_its_last_writes_gives_out_no_epoch_twice(redis_client: Redis, pass_time: PassTime) -> None:
    """Like a replica that lagged behind, or a machine that lost power before its log was on disk."""
    mailbox = Mailbox(redis_client)
    open_from_sql(mailbox)
    saved = {key: redis_client.dump(key) or b"" for key in redis_client.keys("*")}
    old = claim_one(mailbox)
    redis_client.flushdb()
    for key, value in saved.items():
        redis_client.restore(key, 0, value)
    pass_time(-DAY_MS)
    new = claim_one(mailbox)
    assert_holds_nothing(mailbox, old)
    assert release(mailbox, new)
