"""Who is due, who gets it, and what a release leaves behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis import Redis

from schema.errors import AudioTrimmed, InvalidInput
from schema.mailbox import Claim, Keys, Mailbox, Span
from tests.mailbox.conftest import LIMIT

LEASE_MS = 600_000
PassTime = Callable[[int], None]
SECOND = bytes(32_000)


def claim_one(mailbox: Mailbox) -> Claim:
    (claim,) = mailbox.claim("w", 1, LEASE_MS).tracks
    return claim


def claimed_ids(mailbox: Mailbox, n: int = 10) -> list[str]:
    return [claim.track_id for claim in mailbox.claim("w", n, LEASE_MS).tracks]


def release(mailbox: Mailbox, claim: Claim, *, delay_ms: int = 0, retry: bool = False, keep: int | None = None) -> bool:
    """Commit everything that the claim saw, and give it back."""
    done = claim.committed_sample if retry else claim.received_sample
    return mailbox.release(
        claim.track_id,
        claim.epoch,
        committed_sample=done,
        keep_sample=done if keep is None else keep,
        seen_sample=claim.received_sample,
        delay_ms=delay_ms,
        retry=retry,
    )


def open_track(mailbox: Mailbox, track_id: str, kind: str = "live") -> None:
    mailbox.open(
        track_id,
        committed_sample=0,
        epoch=0,
        kind="batch" if kind == "batch" else "live",
        backlog_limit_samples=LIMIT,
    )


def test_a_track_without_audio_is_not_due(mailbox: Mailbox) -> None:
    claimed = mailbox.claim("w", 1, LEASE_MS)
    assert (claimed.tracks, claimed.next_due_in_ms, claimed.more) == ([], None, False)


def test_audio_makes_a_track_due_at_once(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    claim = claim_one(mailbox)
    assert (claim.track_id, claim.committed_sample, claim.received_sample) == ("t", 0, 16_000)
    assert (claim.closed, claim.kind, claim.state, claim.attempts) == (False, "live", b"", 1)


def test_skipped_audio_makes_a_track_due_too(mailbox: Mailbox) -> None:
    mailbox.skip("t", 5)
    assert claimed_ids(mailbox) == ["t"]


def test_a_claimed_track_goes_to_nobody_else(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    claim_one(mailbox)
    mailbox.append("t", 16_000, SECOND)
    assert claimed_ids(mailbox) == []


def test_the_track_that_has_been_due_the_longest_goes_first(mailbox: Mailbox, pass_time: PassTime) -> None:
    for track_id in ("c", "a", "b"):
        open_track(mailbox, track_id)
        mailbox.append(track_id, 0, SECOND)
        pass_time(100)
    assert claimed_ids(mailbox, 1) == ["c"]
    assert claimed_ids(mailbox) == ["a", "b"]


def test_a_claim_says_how_long_its_track_was_due(mailbox: Mailbox, pass_time: PassTime) -> None:
    mailbox.append("t", 0, SECOND)
    pass_time(70_000)
    assert 70_000 <= claim_one(mailbox).waited_ms < 130_000


def test_a_claim_says_that_more_is_due(mailbox: Mailbox) -> None:
    open_track(mailbox, "u")
    mailbox.append("t", 0, SECOND)
    mailbox.append("u", 0, SECOND)
    first, second = (mailbox.claim("w", 1, LEASE_MS) for _ in range(2))
    assert (first.more, first.next_due_in_ms) == (True, 0)
    assert (second.more, second.next_due_in_ms) == (False, None)


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


def test_a_lease_can_be_extended_late_while_nobody_took_the_track(mailbox: Mailbox, pass_time: PassTime) -> None:
    mailbox.append("t", 0, SECOND)
    claim = claim_one(mailbox)
    pass_time(LEASE_MS + 1)
    assert mailbox.extend("t", claim.epoch, LEASE_MS)
    assert claimed_ids(mailbox) == []


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


def test_a_slow_worker_can_neither_extend_nor_release(mailbox: Mailbox, pass_time: PassTime) -> None:
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


def test_a_release_that_is_sent_twice_changes_nothing(mailbox: Mailbox) -> None:
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


def test_audio_that_came_during_the_lease_makes_the_track_due_after_the_pause(
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


def test_audio_that_comes_during_the_pause_waits_for_its_end(mailbox: Mailbox, pass_time: PassTime) -> None:
    mailbox.append("t", 0, SECOND)
    release(mailbox, claim_one(mailbox), delay_ms=100_000)
    mailbox.append("t", 16_000, SECOND)
    assert claimed_ids(mailbox) == []
    pass_time(100_000)
    assert claimed_ids(mailbox) == ["t"]


def test_a_retry_is_due_after_its_pause_and_counts(mailbox: Mailbox, pass_time: PassTime) -> None:
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


def test_a_closed_track_stays_due_until_all_of_it_is_committed(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    mailbox.close("t")
    claim = claim_one(mailbox)
    mailbox.release("t", claim.epoch, committed_sample=10, keep_sample=10, seen_sample=claim.received_sample)
    claim = claim_one(mailbox)
    assert claim.committed_sample == 10
    release(mailbox, claim)
    assert claimed_ids(mailbox) == []


def test_closing_again_nudges_a_settled_track_but_not_one_that_pauses(mailbox: Mailbox) -> None:
    mailbox.close("t")
    release(mailbox, claim_one(mailbox))
    mailbox.close("t")
    claim = claim_one(mailbox)
    release(mailbox, claim, delay_ms=100_000, retry=True)
    mailbox.close("t")
    assert claimed_ids(mailbox) == []


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


def test_a_forgotten_track_is_gone_and_its_worker_is_told(mailbox: Mailbox, redis_client: Redis) -> None:
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


def test_state_comes_back_with_the_next_claim(mailbox: Mailbox) -> None:
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


def test_kept_audio_stays_readable_and_what_is_before_it_is_trimmed(mailbox: Mailbox) -> None:
    for second in range(4):
        mailbox.append("t", second * 16_000, bytes([second]) * 32_000)
    claim = claim_one(mailbox)
    mailbox.release("t", claim.epoch, committed_sample=50_000, keep_sample=16_000, seen_sample=64_000)
    assert mailbox.read("t", 16_000, 16_000) == [Span(16_000, 32_000, b"\x01" * 32_000)]
    with pytest.raises(AudioTrimmed) as refused:
        mailbox.read("t", 15_999, 10)
    assert refused.value.facts == {"first_sample": 16_000}


def test_audio_that_is_not_committed_cannot_be_trimmed(mailbox: Mailbox) -> None:
    with pytest.raises(InvalidInput, match="keep_sample 11"):
        mailbox.release("t", 1, committed_sample=10, keep_sample=11, seen_sample=0)


def test_reading_is_cut_to_the_sample_and_ends_with_what_was_received(mailbox: Mailbox) -> None:
    sound = bytes(range(200))
    for first in range(0, 100, 20):
        mailbox.append("t", first, sound[first * 2 : first * 2 + 40])
    assert mailbox.read("t", 33, 30) == [Span(33, 63, sound[66:126])]
    assert mailbox.read("t", 90, 1000) == [Span(90, 100, sound[180:])]
    assert mailbox.read("t", 100, 1000) == []


def test_a_long_read_passes_over_many_pieces(mailbox: Mailbox) -> None:
    sound = bytes(index % 251 for index in range(20_000))
    for first in range(0, 10_000, 100):
        mailbox.append("t", first, sound[first * 2 : first * 2 + 200])
    assert mailbox.read("t", 0, 10_000) == [Span(0, 10_000, sound)]


def test_what_sql_committed_before_a_crash_is_not_handed_out_as_pending_again(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    status = mailbox.open("t", committed_sample=9000, epoch=7, backlog_limit_samples=LIMIT)
    assert (status.committed_sample, status.received_sample, status.epoch) == (9000, 16_000, 7)
    assert mailbox.depth().pending_samples == 7000


def test_a_server_that_lost_audio_which_sql_has_goes_on_after_it(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    claim = claim_one(mailbox)
    mailbox.release("t", claim.epoch, committed_sample=20_000, keep_sample=4000, seen_sample=20_000)
    assert mailbox.status("t").received_sample == 20_000
    assert mailbox.depth().pending_samples == 0
    assert mailbox.append("t", 20_000, b"ab").received_sample == 20_001
    assert mailbox.read("t", 20_000, 10) == [Span(20_000, 20_001, b"ab")]
    with pytest.raises(AudioTrimmed):
        mailbox.read("t", 16_000, 10)


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
def test_a_claim_that_makes_no_sense_is_refused(mailbox: Mailbox, n: int, lease_ms: int) -> None:
    with pytest.raises(InvalidInput):
        mailbox.claim("w", n, lease_ms)


def test_an_unknown_shard_is_refused(mailbox: Mailbox) -> None:
    with pytest.raises(InvalidInput, match="shard is 1"):
        mailbox.claim("w", 1, 1000, shard=1)
