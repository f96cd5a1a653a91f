"""The state after a release, and when its track is due again."""

from __future__ import annotations

import pytest

from schema.core.errors import InvalidInput
from schema.mailbox import Mailbox
from tests.schema.mailbox.conftest import LEASE_MS, SECOND, PassTime, claim_one, claimed_ids, release


def test_a_repeated_release_changes_nothing(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    claim = claim_one(mailbox)
    assert release(mailbox, claim, delay_ms=60_000)
    mailbox.append("t", 16_000, SECOND)
    before = mailbox.status("t")
    assert release(mailbox, claim, delay_ms=0)
    after = mailbox.status("t")
    assert after.received_sample == before.received_sample
    assert after.due_in_ms is not None
    assert after.due_in_ms > 1000


def test_a_track_without_new_audio_leaves_the_ready_set(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    release(mailbox, claim_one(mailbox))
    status = mailbox.status("t")
    assert (status.due_in_ms, status.lease_ms, status.pending_samples) == (None, None, 0)


def test_audio_received_during_the_lease_makes_the_track_due_after_the_pause(
    mailbox: Mailbox, pass_time: PassTime
) -> None:
    mailbox.append("t", 0, SECOND)
    claim = claim_one(mailbox)
    mailbox.append("t", 16_000, SECOND)
    release(mailbox, claim, delay_ms=100_000)
    claimed = mailbox.claim("w", 1, LEASE_MS)
    assert claimed.tracks == []
    assert claimed.next_due_in_ms is not None
    assert 0 < claimed.next_due_in_ms <= 100_000
    pass_time(100_000)
    assert claimed_ids(mailbox) == ["t"]


def test_audio_received_during_the_pause_waits_for_its_end(mailbox: Mailbox, pass_time: PassTime) -> None:
    mailbox.append("t", 0, SECOND)
    release(mailbox, claim_one(mailbox), delay_ms=100_000)
    mailbox.append("t", 16_000, SECOND)
    assert claimed_ids(mailbox) == []
    pass_time(100_000)
    assert claimed_ids(mailbox) == ["t"]


def test_a_retry_is_due_after_its_pause_and_counts_as_an_attempt(mailbox: Mailbox, pass_time: PassTime) -> None:
    mailbox.append("t", 0, SECOND)
    for attempt in (1, 2, 3):
        claim = claim_one(mailbox)
        assert claim.attempts == attempt
        release(mailbox, claim, delay_ms=50_000, retry=True)
        assert claimed_ids(mailbox) == []
        pass_time(50_000)
    release(mailbox, claim_one(mailbox))
    mailbox.append("t", 16_000, SECOND)
    assert claim_one(mailbox).attempts == 1


def test_closing_makes_a_track_due_even_with_nothing_pending(mailbox: Mailbox) -> None:
    mailbox.close("t")
    claim = claim_one(mailbox)
    assert (claim.closed, claim.pending_samples) == (True, 0)
    release(mailbox, claim)
    assert claimed_ids(mailbox) == []


def test_closing_ends_the_pause(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    release(mailbox, claim_one(mailbox), delay_ms=100_000)
    mailbox.append("t", 16_000, SECOND)
    mailbox.close("t")
    assert claimed_ids(mailbox) == ["t"]


def test_a_track_that_is_closed_during_its_lease_is_due_at_release(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    claim = claim_one(mailbox)
    mailbox.close("t")
    assert claimed_ids(mailbox) == []
    release(mailbox, claim, delay_ms=100_000)
    assert claim_one(mailbox).closed


def test_a_closed_track_stays_due_until_it_is_completely_committed(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    mailbox.close("t")
    claim = claim_one(mailbox)
    mailbox.release("t", claim.epoch, committed_sample=10, keep_sample=10, seen_sample=claim.received_sample)
    claim = claim_one(mailbox)
    assert claim.committed_sample == 10
    release(mailbox, claim)
    assert claimed_ids(mailbox) == []


def test_closing_again_makes_an_idle_track_due_but_not_a_pausing_one(mailbox: Mailbox) -> None:
    mailbox.close("t")
    release(mailbox, claim_one(mailbox))
    mailbox.close("t")
    claim = claim_one(mailbox)
    release(mailbox, claim, delay_ms=100_000, retry=True)
    mailbox.close("t")
    assert claimed_ids(mailbox) == []


def test_the_next_claim_returns_the_state(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    claim = claim_one(mailbox)
    state = bytes(range(256)) * 256
    mailbox.release(
        "t", claim.epoch, committed_sample=0, keep_sample=0, seen_sample=0, state=state, delay_ms=0, retry=True
    )
    assert claim_one(mailbox).state == state


def test_a_state_of_more_than_64_kib_is_refused(mailbox: Mailbox) -> None:
    with pytest.raises(InvalidInput, match="65537"):
        mailbox.release("t", 1, committed_sample=0, keep_sample=0, seen_sample=0, state=bytes(65_537))
