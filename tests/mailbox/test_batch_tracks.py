"""Batch tracks fill the places that live ones leave free."""

from __future__ import annotations

from schema.mailbox import Mailbox
from tests.mailbox.claims import LEASE_MS, SECOND, PassTime, claim_one, claimed_ids, open_track, release


def test_a_batch_track_whose_lease_was_extended_late_fills_no_place(mailbox: Mailbox, pass_time: PassTime) -> None:
    open_track(mailbox, "file", "batch")
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
    open_track(mailbox, "file", "batch")
    mailbox.append("file", 0, SECOND)
    pass_time(1000)
    mailbox.append("t", 0, SECOND)
    assert claimed_ids(mailbox) == ["t", "file"]


def test_live_tracks_come_before_a_batch_track_that_is_not_overdue(mailbox: Mailbox, pass_time: PassTime) -> None:
    open_track(mailbox, "file", "batch")
    mailbox.append("file", 0, SECOND)
    mailbox.close("file")
    pass_time(1000)
    mailbox.append("t", 0, SECOND)
    claimed = mailbox.claim("w", 1, LEASE_MS)
    assert [claim.track_id for claim in claimed.tracks] == ["t"]
    assert claimed.more


def test_a_batch_track_past_its_deadline_takes_its_turn(mailbox: Mailbox, pass_time: PassTime) -> None:
    open_track(mailbox, "file", "batch")
    mailbox.append("file", 0, SECOND)
    pass_time(31_000)
    mailbox.append("t", 0, SECOND)
    assert claimed_ids(mailbox, 1) == ["file"]


def test_a_batch_track_that_pauses_fills_no_place(mailbox: Mailbox, pass_time: PassTime) -> None:
    open_track(mailbox, "file", "batch")
    mailbox.append("file", 0, SECOND)
    release(mailbox, claim_one(mailbox), delay_ms=100_000, retry=True)
    assert claimed_ids(mailbox) == []
    pass_time(100_000)
    assert claimed_ids(mailbox) == ["file"]
