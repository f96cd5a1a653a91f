"""An epoch is given out once, whatever the server loses and wherever its clock jumps."""

from __future__ import annotations

from redis import Redis

from schema.mailbox import Claim, Mailbox
from tests.schema.mailbox.claims import LEASE_MS, SECOND, PassTime, claim_one, release
from tests.schema.mailbox.conftest import LIMIT, shift_clock
from tests.schema.mailbox.test_clock import DAY_MS

SQL_EPOCH = 10**13
"""What SQL has: far ahead of a clock in milliseconds, as after the clock was put right."""


def open_from_sql(mailbox: Mailbox, epoch: int = SQL_EPOCH) -> None:
    mailbox.open("lost", committed_sample=0, epoch=epoch, backlog_limit_samples=LIMIT)
    mailbox.append("lost", 0, SECOND)


def assert_is_nobodys(mailbox: Mailbox, claim: Claim) -> None:
    before = mailbox.status("lost")
    assert not mailbox.extend("lost", claim.epoch, LEASE_MS)
    assert not release(mailbox, claim)
    assert mailbox.status("lost").committed_sample == before.committed_sample


def test_a_holder_from_before_the_server_lost_its_data_is_not_taken_for_the_new_one(redis_client: Redis) -> None:
    mailbox = Mailbox(redis_client)
    open_from_sql(mailbox)
    old = claim_one(mailbox)
    redis_client.flushdb()
    shift_clock(redis_client, -DAY_MS)
    open_from_sql(mailbox)
    new = claim_one(mailbox)
    assert_is_nobodys(mailbox, old)
    assert release(mailbox, new)


def test_the_holder_whose_commit_sql_has_does_not_hold_the_new_mailbox(redis_client: Redis) -> None:
    mailbox = Mailbox(redis_client)
    open_from_sql(mailbox)
    old = claim_one(mailbox)
    redis_client.flushdb()
    open_from_sql(mailbox, old.epoch)
    assert_is_nobodys(mailbox, old)


def test_opening_a_mailbox_again_makes_an_old_holder_no_new_one(mailbox: Mailbox, redis_client: Redis) -> None:
    """SQL has the commit of a holder from before a loss, and an API process opens the track for another producer."""
    open_from_sql(mailbox)
    new = claim_one(mailbox)
    old_epoch = new.epoch + 1
    mailbox.open("lost", committed_sample=0, epoch=old_epoch, backlog_limit_samples=LIMIT)
    assert not mailbox.extend("lost", old_epoch, LEASE_MS)
    assert release(mailbox, new)


def test_a_server_that_lost_its_last_writes_gives_no_epoch_twice(redis_client: Redis, pass_time: PassTime) -> None:
    """As a replica that lagged behind, or a machine that lost power within the second of its log."""
    mailbox = Mailbox(redis_client)
    open_from_sql(mailbox)
    saved = {key: redis_client.dump(key) or b"" for key in redis_client.keys("*")}
    old = claim_one(mailbox)
    redis_client.flushdb()
    for key, value in saved.items():
        redis_client.restore(key, 0, value)
    pass_time(-DAY_MS)
    new = claim_one(mailbox)
    assert_is_nobodys(mailbox, old)
    assert release(mailbox, new)
