"""The second reader of a track, who tells speakers apart: it loses nothing that fits, and holds up no transcription."""

from __future__ import annotations

import pytest
from redis import Redis

from schema.core.errors import AudioTrimmed, Backlogged
from schema.core.states import TrackKind
from schema.core.units import samples_of_s
from schema.mailbox import Heard, ListenerClaim, Mailbox
from tests.schema.mailbox.conftest import LEASE_MS, LIMIT, SECOND, PassTime, claim_one, release

S = samples_of_s(1)


@pytest.fixture
def mailbox(redis_client: Redis) -> Mailbox:
    """A mailbox with the listened live track `t`."""
    mailbox = Mailbox(redis_client)
    mailbox.open("t", committed_sample=0, epoch=0, backlog_limit_samples=LIMIT, heard=Heard(0, 0))
    return mailbox


def listen(mailbox: Mailbox) -> ListenerClaim:
    claim = mailbox.listen(0, LEASE_MS)
    assert claim is not None
    return claim


def append_s(mailbox: Mailbox, first_s: int, count: int, track: str = "t") -> None:
    for second in range(first_s, first_s + count):
        mailbox.append(track, second * S, SECOND)


def transcribe_all(mailbox: Mailbox) -> None:
    claim = claim_one(mailbox)
    release(mailbox, claim, keep=claim.received_sample)


def waiting(mailbox: Mailbox) -> int:
    """The first sample that the mailbox still has."""
    try:
        mailbox.read("t", 0, S)
    except AudioTrimmed as error:
        return int(str(error.facts["first_sample"]))
    return 0


def test_committed_audio_is_kept_until_it_is_heard(mailbox: Mailbox) -> None:
    append_s(mailbox, 0, 10)
    ear = listen(mailbox)
    transcribe_all(mailbox)
    assert waiting(mailbox) == 0
    assert mailbox.heard("t", ear.epoch, heard_sample=8 * S, keep_sample=5 * S, next_sample=12 * S)
    assert waiting(mailbox) == 5 * S


def test_heard_audio_is_kept_until_it_is_committed(mailbox: Mailbox) -> None:
    append_s(mailbox, 0, 10)
    mailbox.heard("t", listen(mailbox).epoch, heard_sample=10 * S, keep_sample=10 * S, next_sample=12 * S)
    assert waiting(mailbox) == 0
    transcribe_all(mailbox)
    assert waiting(mailbox) == 10 * S


def test_the_listener_comes_back_when_the_audio_that_it_needs_has_come(mailbox: Mailbox) -> None:
    append_s(mailbox, 0, 3)
    mailbox.heard("t", listen(mailbox).epoch, heard_sample=2 * S, keep_sample=0, next_sample=5 * S)
    append_s(mailbox, 3, 1)
    assert mailbox.listen(0, LEASE_MS) is None
    append_s(mailbox, 4, 1)
    ear = listen(mailbox)
    assert (ear.heard_sample, ear.received_sample, ear.closed, ear.kind) == (2 * S, 5 * S, False, TrackKind.LIVE)


def test_a_closed_track_is_listened_to_up_to_its_end(mailbox: Mailbox) -> None:
    append_s(mailbox, 0, 3)
    mailbox.heard("t", listen(mailbox).epoch, heard_sample=2 * S, keep_sample=0, next_sample=5 * S)
    mailbox.close("t")
    ear = listen(mailbox)
    assert ear.closed
    mailbox.heard("t", ear.epoch, heard_sample=3 * S, keep_sample=3 * S, next_sample=5 * S)
    assert mailbox.listen(0, LEASE_MS) is None


def test_a_lease_ends_and_its_late_holder_can_write_nothing(mailbox: Mailbox, pass_time: PassTime) -> None:
    append_s(mailbox, 0, 3)
    late = listen(mailbox)
    assert mailbox.listen(0, LEASE_MS) is None
    pass_time(LEASE_MS + 1)
    now = listen(mailbox)
    assert now.epoch > late.epoch
    assert now.attempts == 2
    assert not mailbox.heard("t", late.epoch, heard_sample=3 * S, keep_sample=3 * S, next_sample=0)
    assert mailbox.heard("t", now.epoch, heard_sample=2 * S, keep_sample=0, next_sample=9 * S)


def test_a_failed_step_is_tried_again_after_a_pause(mailbox: Mailbox, pass_time: PassTime) -> None:
    append_s(mailbox, 0, 3)
    ear = listen(mailbox)
    mailbox.heard("t", ear.epoch, heard_sample=0, keep_sample=0, next_sample=0, delay_ms=5000, retry=True)
    assert mailbox.listen(0, LEASE_MS) is None
    pass_time(5001)
    assert listen(mailbox).attempts == 2


def test_a_listener_who_never_comes_holds_a_third_of_the_mailbox_and_no_producer(mailbox: Mailbox) -> None:
    for first_s in range(0, 200, 10):
        append_s(mailbox, first_s, 10)
        transcribe_all(mailbox)
    assert waiting(mailbox) == 200 * S - LIMIT // 3


def test_a_listener_who_is_behind_makes_room_for_audio_that_is_not_committed(mailbox: Mailbox) -> None:
    append_s(mailbox, 0, 10)
    transcribe_all(mailbox)
    append_s(mailbox, 10, 60)
    assert waiting(mailbox) == 10 * S
    with pytest.raises(Backlogged):
        append_s(mailbox, 70, 1)


def test_many_tiny_pieces_that_nobody_has_heard_do_not_fill_the_mailbox(mailbox: Mailbox) -> None:
    for number in range(6500):
        mailbox.append("t", number, b"\0\0")
        if number % 500 == 499:
            transcribe_all(mailbox)
    assert waiting(mailbox) > 0


def test_a_file_waits_for_its_listener(redis_client: Redis) -> None:
    mailbox = Mailbox(redis_client)
    mailbox.open("t", committed_sample=0, epoch=0, backlog_limit_samples=LIMIT, kind=TrackKind.BATCH, heard=Heard(0, 0))
    append_s(mailbox, 0, 60)
    claim = claim_one(mailbox)
    release(mailbox, claim, keep=60 * S)
    with pytest.raises(Backlogged):
        append_s(mailbox, 60, 1)
    ear = listen(mailbox)
    assert ear.kind == TrackKind.BATCH
    mailbox.heard("t", ear.epoch, heard_sample=50 * S, keep_sample=40 * S, next_sample=60 * S)
    append_s(mailbox, 60, 50)
    assert waiting(mailbox) == 40 * S


def test_a_track_that_nobody_listens_to_any_more_keeps_nothing_for_a_listener(mailbox: Mailbox) -> None:
    append_s(mailbox, 0, 10)
    ear = listen(mailbox)
    transcribe_all(mailbox)
    mailbox.unlisten("t")
    assert waiting(mailbox) == 10 * S
    assert not mailbox.heard("t", ear.epoch, heard_sample=10 * S, keep_sample=10 * S, next_sample=0)
    append_s(mailbox, 10, 10)
    assert mailbox.listen(0, LEASE_MS) is None


def test_a_mailbox_that_redis_lost_continues_where_sql_says(mailbox: Mailbox, redis_client: Redis) -> None:
    append_s(mailbox, 0, 10)
    ear = listen(mailbox)
    redis_client.flushdb()
    mailbox.open("t", committed_sample=8 * S, epoch=7, backlog_limit_samples=LIMIT, heard=Heard(5 * S, ear.epoch))
    append_s(mailbox, 8, 4)
    again = listen(mailbox)
    assert again.epoch > ear.epoch
    assert again.heard_sample == 5 * S
    with pytest.raises(AudioTrimmed):
        mailbox.read("t", again.heard_sample, S)
