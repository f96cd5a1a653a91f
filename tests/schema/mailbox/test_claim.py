"""Which tracks are due, and which worker gets them."""

from __future__ import annotations

import pytest
from redis import Redis

from schema.core.errors import InvalidInput
from schema.mailbox import Keys, Mailbox
from tests.schema.mailbox.conftest import LEASE_MS, SECOND, PassTime, claim_one, claimed_ids, open_track, release


def test_a_track_without_audio_is_not_due(mailbox: Mailbox) -> None:
    claimed = mailbox.claim("w", 1, LEASE_MS)
    assert (claimed.tracks, claimed.next_due_in_ms, claimed.more) == ([], None, False)


def test_audio_makes_a_track_due_at_once(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    claim = claim_one(mailbox)
    assert (claim.track_id, claim.committed_sample, claim.received_sample) == ("t", 0, 16_000)
    assert (claim.closed, claim.kind, claim.state, claim.attempts) == (False, "live", b"", 1)


def test_skipped_audio_makes_a_track_due(mailbox: Mailbox) -> None:
    mailbox.skip("t", 5)
    assert claimed_ids(mailbox) == ["t"]


def test_a_claimed_track_is_not_claimed_again(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    claim_one(mailbox)
    mailbox.append("t", 16_000, SECOND)
    assert claimed_ids(mailbox) == []


def test_the_track_that_has_been_due_longest_is_claimed_first(mailbox: Mailbox, pass_time: PassTime) -> None:
    for track_id in ("c", "a", "b"):
        open_track(mailbox, track_id)
        mailbox.append(track_id, 0, SECOND)
        pass_time(100)
    assert claimed_ids(mailbox, 1) == ["c"]
    assert claimed_ids(mailbox) == ["a", "b"]


def test_a_claim_gives_the_time_for_which_its_track_was_due(mailbox: Mailbox, pass_time: PassTime) -> None:
    mailbox.append("t", 0, SECOND)
    pass_time(70_000)
    assert 70_000 <= claim_one(mailbox).waited_ms < 130_000


def test_a_claim_tells_whether_more_tracks_are_due(mailbox: Mailbox) -> None:
    open_track(mailbox, "u")
    mailbox.append("t", 0, SECOND)
    mailbox.append("u", 0, SECOND)
    first, second = (mailbox.claim("w", 1, LEASE_MS) for _ in range(2))
    assert (first.more, first.next_due_in_ms) == (True, 0)
    assert (second.more, second.next_due_in_ms) == (False, None)


def test_a_forgotten_track_leaves_no_keys_and_its_worker_cannot_extend_or_release(
    mailbox: Mailbox, redis_client: Redis
) -> None:
    mailbox.append("t", 0, SECOND)
    claim = claim_one(mailbox)
    mailbox.forget("t")
    assert redis_client.keys() == [b"{mb:0}:shard"]
    assert not mailbox.extend("t", claim.epoch, LEASE_MS)
    assert not release(mailbox, claim)
    assert mailbox.depth().pending_samples == 0
    mailbox.forget("t")


def test_a_track_whose_mailbox_is_gone_is_dropped_from_the_ready_set(mailbox: Mailbox, redis_client: Redis) -> None:
    mailbox.append("t", 0, SECOND)
    redis_client.delete(Keys(0).hash_of("t"))
    claimed = mailbox.claim("w", 1, LEASE_MS)
    assert (claimed.tracks, claimed.more) == ([], False)
    assert mailbox.depth().ready == 0


def test_depth_counts_tracks_and_audio(mailbox: Mailbox) -> None:
    for track_id in ("u", "v"):
        open_track(mailbox, track_id)
        mailbox.append(track_id, 0, SECOND)
    mailbox.append("t", 0, SECOND)
    release(mailbox, claim_one(mailbox), delay_ms=100_000, retry=True)
    claim_one(mailbox)
    depth = mailbox.depth()
    assert (depth.ready, depth.due, depth.leased) == (2, 1, 1)
    assert (depth.pending_samples, depth.pending_ms) == (48_000, 3000)


@pytest.mark.parametrize(("n", "lease_ms"), [(0, 1000), (1, 0), (1, 3_600_001)])
def test_a_claim_with_invalid_numbers_is_refused(mailbox: Mailbox, n: int, lease_ms: int) -> None:
    with pytest.raises(InvalidInput):
        mailbox.claim("w", n, lease_ms)


def test_an_unknown_shard_is_refused(mailbox: Mailbox) -> None:
    with pytest.raises(InvalidInput, match="shard is 1"):
        mailbox.claim("w", 1, 1000, shard=1)
