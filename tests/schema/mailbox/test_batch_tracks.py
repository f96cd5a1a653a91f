"""Batch tracks fill the places in a claim that live tracks leave free."""

from __future__ import annotations

from schema.core.states import TrackKind
from schema.mailbox import Mailbox
from tests.schema.mailbox.conftest import LEASE_MS, SECOND, PassTime, claim_one, claimed_ids, open_track, release


def test_a_batch_track_whose_expired_lease_was_extended_is_not_claimed(mailbox: Mailbox, pass_time: PassTime) -> None:
    open_track(mailbox, "file", TrackKind.BATCH)
    mailbox.append("file", 0, SECOND)
    open_track(mailbox, "u")
    claim = claim_one(mailbox)
    pass_time(LEASE_MS + 1)
    for track_id in ("t", "u"):
        mailbox.append(track_id, 0, SECOND)
    second = claim_one(mailbox)
    assert (second.track_id, second.epoch > claim.epoch) == ("file", True)
    pass_time(LEASE_MS + 1)
    assert claimed_ids(mailbox, 1) == ["t"]
    mailbox.append("file", 16_000, SECOND)
    assert mailbox.extend("file", second.epoch, LEASE_MS)
    assert claimed_ids(mailbox) == ["u"]


def test_batch_tracks_fill_free_places_after_live_ones(mailbox: Mailbox, pass_time: PassTime) -> None:
    open_track(mailbox, "file", TrackKind.BATCH)
    mailbox.append("file", 0, SECOND)
    pass_time(1000)
    mailbox.append("t", 0, SECOND)
    assert claimed_ids(mailbox) == ["t", "file"]


def test_live_tracks_are_claimed_before_a_batch_track_that_is_not_overdue(
    mailbox: Mailbox, pass_time: PassTime
) -> None:
    open_track(mailbox, "file", TrackKind.BATCH)
    mailbox.append("file", 0, SECOND)
    mailbox.close("file")
    pass_time(1000)
    mailbox.append("t", 0, SECOND)
    claimed = mailbox.claim("w", 1, LEASE_MS)
    assert [claim.track_id for claim in claimed.tracks] == ["t"]
    assert claimed.more


def test_an_overdue_batch_track_is_claimed_before_a_live_one(mailbox: Mailbox, pass_time: PassTime) -> None:
    open_track(mailbox, "file", TrackKind.BATCH)
    mailbox.append("file", 0, SECOND)
    pass_time(31_000)
    mailbox.append("t", 0, SECOND)
    assert claimed_ids(mailbox, 1) == ["file"]


def test_a_pausing_batch_track_is_not_claimed(mailbox: Mailbox, pass_time: PassTime) -> None:
    open_track(mailbox, "file", TrackKind.BATCH)
    mailbox.append("file", 0, SECOND)
    release(mailbox, claim_one(mailbox), delay_ms=100_000, retry=True)
    assert claimed_ids(mailbox) == []
    pass_time(100_000)
    assert claimed_ids(mailbox) == ["file"]


def test_an_express_batch_track_is_claimed_before_older_batch_tracks(mailbox: Mailbox, pass_time: PassTime) -> None:
    two_files(mailbox)
    pass_time(20_000)
    open_track(mailbox, "short", TrackKind.BATCH)
    mailbox.append("short", 0, SECOND)
    open_track(mailbox, "short", TrackKind.BATCH, express=True)
    mailbox.close("short")
    pass_time(10)
    claimed = mailbox.claim("w", 4, LEASE_MS, fill="idle")
    assert [claim.track_id for claim in claimed.tracks] == ["short"]
    assert claimed.live_waiting == 0


def test_an_express_batch_track_does_not_wait_for_the_rest_of_others(mailbox: Mailbox, pass_time: PassTime) -> None:
    two_files(mailbox)
    (claim,) = mailbox.claim("w", 4, LEASE_MS, fill="one").tracks
    release(mailbox, claim, rest_ms=20_000)
    open_track(mailbox, "short", TrackKind.BATCH, express=True)
    mailbox.append("short", 0, SECOND)
    pass_time(10)
    assert [lent.track_id for lent in mailbox.claim("w", 4, LEASE_MS, fill="one").tracks] == ["short"]


def two_files(mailbox: Mailbox) -> None:
    for track_id in ("file", "other"):
        open_track(mailbox, track_id, TrackKind.BATCH)
        mailbox.append(track_id, 0, SECOND)


def test_with_fill_one_only_one_batch_track_is_leased_at_a_time(mailbox: Mailbox, pass_time: PassTime) -> None:
    two_files(mailbox)
    (claim,) = mailbox.claim("w", 4, LEASE_MS, fill="one").tracks
    between = mailbox.claim("v", 4, LEASE_MS, fill="one")
    assert (between.tracks, between.more) == ([], False)
    release(mailbox, claim)
    (other,) = mailbox.claim("v", 4, LEASE_MS, fill="one").tracks
    assert {claim.track_id, other.track_id} == {"file", "other"}


def test_a_rest_delays_all_batch_tracks_but_no_live_one(mailbox: Mailbox, pass_time: PassTime) -> None:
    two_files(mailbox)
    (claim,) = mailbox.claim("w", 4, LEASE_MS, fill="one").tracks
    release(mailbox, claim, rest_ms=20_000)
    resting = mailbox.claim("w", 4, LEASE_MS, fill="one")
    assert resting.tracks == []
    assert resting.next_due_in_ms is not None
    assert 10_000 < resting.next_due_in_ms <= 20_000
    mailbox.append("t", 0, SECOND)
    assert [lent.track_id for lent in mailbox.claim("w", 4, LEASE_MS, fill="one").tracks] == ["t"]
    pass_time(20_000)
    assert len(mailbox.claim("w", 4, LEASE_MS, fill="one").tracks) == 1


def test_with_fill_idle_batch_tracks_do_not_rest(mailbox: Mailbox) -> None:
    two_files(mailbox)
    (claim,) = mailbox.claim("w", 4, LEASE_MS, fill="one").tracks
    release(mailbox, claim, rest_ms=600_000)
    assert len(mailbox.claim("w", 4, LEASE_MS, fill="idle").tracks) == 1


def test_a_dead_worker_with_a_batch_track_delays_the_others_only_until_its_lease_ends(
    mailbox: Mailbox, pass_time: PassTime
) -> None:
    two_files(mailbox)
    (dead,) = mailbox.claim("w", 4, 10_000, fill="one").tracks
    pass_time(10_000)
    (again,) = mailbox.claim("v", 4, LEASE_MS, fill="one").tracks
    assert (again.track_id, again.attempts) == (dead.track_id, 2)
    release(mailbox, again)
    (other,) = mailbox.claim("v", 4, LEASE_MS, fill="one").tracks
    assert other.track_id != dead.track_id
