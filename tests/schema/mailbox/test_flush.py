"""Flushing: somebody waits for the text of all audio that a track has received."""

from __future__ import annotations

import pytest

from schema.core.errors import MailboxMissing
from schema.mailbox import Claim, Mailbox
from tests.schema.mailbox.conftest import SECOND, PassTime, claim_one, claimed_ids, release


def release_with_nothing_committed(mailbox: Mailbox, claim: Claim, delay_ms: int) -> None:
    mailbox.release(
        claim.track_id,
        claim.epoch,
        committed_sample=0,
        keep_sample=0,
        seen_sample=claim.received_sample,
        delay_ms=delay_ms,
    )


def test_a_flushed_track_is_due_at_once_and_its_claim_says_how_far_it_was_flushed(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    release_with_nothing_committed(mailbox, claim_one(mailbox), 100_000)
    assert claimed_ids(mailbox) == []
    assert mailbox.flush("t").received_sample == 16_000
    claim = claim_one(mailbox)
    assert (claim.flushed_sample, claim.received_sample) == (16_000, 16_000)


def test_a_track_that_is_flushed_during_its_lease_is_due_at_release(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    claim = claim_one(mailbox)
    mailbox.flush("t")
    release_with_nothing_committed(mailbox, claim, 100_000)
    assert claim_one(mailbox).flushed_sample == 16_000


def test_a_flushed_track_stays_due_until_a_step_has_seen_all_of_it(mailbox: Mailbox, pass_time: PassTime) -> None:
    mailbox.append("t", 0, SECOND)
    mailbox.flush("t")
    claim = claim_one(mailbox)
    mailbox.release("t", claim.epoch, committed_sample=0, keep_sample=0, seen_sample=8_000, delay_ms=1000)
    assert claimed_ids(mailbox) == []
    pass_time(1000)
    release(mailbox, claim_one(mailbox))
    pass_time(1000)
    assert claimed_ids(mailbox) == []
    mailbox.flush("t")
    assert claimed_ids(mailbox) == []


def test_a_flushed_track_of_which_a_step_keeps_the_end_is_due_when_asked_again(
    mailbox: Mailbox, pass_time: PassTime
) -> None:
    mailbox.append("t", 0, SECOND)
    mailbox.flush("t")
    release_with_nothing_committed(mailbox, claim_one(mailbox), 1000)
    pass_time(1000)
    assert claimed_ids(mailbox) == []
    mailbox.flush("t")
    assert claim_one(mailbox).flushed_sample == 16_000


def test_audio_after_a_flush_ends_the_wait(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    mailbox.flush("t")
    mailbox.append("t", 16_000, SECOND)
    claim = claim_one(mailbox)
    assert (claim.flushed_sample, claim.received_sample) == (16_000, 32_000)
    release_with_nothing_committed(mailbox, claim, 0)
    assert claimed_ids(mailbox) == []


def test_flushing_again_does_not_shorten_the_pause_before_a_retry(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    mailbox.flush("t")
    release(mailbox, claim_one(mailbox), retry=True, delay_ms=100_000)
    mailbox.flush("t")
    assert claimed_ids(mailbox) == []


def test_a_track_without_a_mailbox_cannot_be_flushed(mailbox: Mailbox) -> None:
    with pytest.raises(MailboxMissing):
        mailbox.flush("nowhere")
