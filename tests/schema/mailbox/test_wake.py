"""A producer is asked to wake a worker when that is needed, not for every piece."""

from __future__ import annotations

from collections.abc import Callable

from schema.mailbox import Mailbox
from tests.schema.mailbox.conftest import LIMIT

PIECE = bytes(640)


def test_the_first_piece_wakes_a_worker_and_the_next_ones_do_not(mailbox: Mailbox) -> None:
    assert [mailbox.append("t", at * 320, PIECE).wake for at in range(3)] == [True, False, False]


def test_a_lost_wake_up_is_repeated_after_a_second(mailbox: Mailbox, pass_time: Callable[[int], None]) -> None:
    mailbox.append("t", 0, PIECE)
    pass_time(1000)
    assert mailbox.append("t", 320, PIECE).wake


def test_audio_for_a_claimed_track_wakes_no_worker(mailbox: Mailbox, pass_time: Callable[[int], None]) -> None:
    mailbox.append("t", 0, PIECE)
    mailbox.claim("w", 1, 600_000)
    pass_time(1000)
    assert not mailbox.append("t", 320, PIECE).wake


def test_after_a_claim_of_everything_due_the_next_audio_wakes_at_once(mailbox: Mailbox) -> None:
    mailbox.open("u", committed_sample=0, epoch=0, backlog_limit_samples=LIMIT)
    assert mailbox.append("t", 0, PIECE).wake
    mailbox.claim("w", 1, 600_000)
    assert mailbox.append("u", 0, PIECE).wake


def test_while_tracks_are_due_further_audio_wakes_no_worker(mailbox: Mailbox) -> None:
    for track_id in ("u", "v"):
        mailbox.open(track_id, committed_sample=0, epoch=0, backlog_limit_samples=LIMIT)
    wakes = [mailbox.append(track_id, 0, PIECE).wake for track_id in ("t", "u")]
    mailbox.claim("w", 1, 600_000)
    wakes.append(mailbox.append("v", 0, PIECE).wake)
    assert wakes == [True, False, False]


def test_audio_for_a_track_whose_lease_has_ended_wakes_a_worker(
    mailbox: Mailbox, pass_time: Callable[[int], None]
) -> None:
    mailbox.append("t", 0, PIECE)
    mailbox.claim("dead", 1, 10_000)
    pass_time(10_001)
    assert mailbox.append("t", 320, PIECE).wake


def test_closing_wakes_a_worker(mailbox: Mailbox) -> None:
    assert mailbox.close("t").wake
