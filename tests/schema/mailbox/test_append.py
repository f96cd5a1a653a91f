"""Audio is received once, at its position."""

from __future__ import annotations

import pytest

from schema.core.errors import (
    AudioGap,
    AudioTooFar,
    Backlogged,
    InvalidAudio,
    InvalidInput,
    MailboxMissing,
    TrackClosed,
)
from schema.core.units import MEETING_LIMIT_SAMPLES, samples_of_s
from schema.mailbox import AudioSpan, Mailbox
from tests.schema.mailbox.conftest import LIMIT


def pcm(first: int, samples: int) -> bytes:
    """Audio in which the value of a sample is its position."""
    return b"".join((position % 65536).to_bytes(2, "little") for position in range(first, first + samples))


def test_audio_is_read_back_as_it_was_sent(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, pcm(0, 100))
    mailbox.append("t", 100, pcm(100, 50))
    assert mailbox.read("t", 0, 1000) == [AudioSpan(0, 150, pcm(0, 150))]


def test_a_resent_piece_changes_nothing(mailbox: Mailbox) -> None:
    for _ in range(10):
        assert mailbox.append("t", 0, pcm(0, 100)).received_sample == 100
    assert mailbox.read("t", 0, 1000) == [AudioSpan(0, 100, pcm(0, 100))]
    assert mailbox.depth().pending_samples == 100


def test_only_the_new_part_of_an_overlapping_piece_is_received(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, pcm(0, 100))
    assert mailbox.append("t", 40, pcm(40, 100)).received_sample == 140
    assert mailbox.read("t", 0, 1000) == [AudioSpan(0, 140, pcm(0, 140))]


def test_a_gap_is_refused_with_the_position_expected(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, pcm(0, 100))
    with pytest.raises(AudioGap) as refused:
        mailbox.append("t", 101, pcm(101, 10))
    assert refused.value.facts == {"expected_sample": 100}
    assert mailbox.status("t").received_sample == 100


def test_an_empty_piece_is_refused(mailbox: Mailbox) -> None:
    with pytest.raises(InvalidAudio, match="0 bytes"):
        mailbox.append("t", 0, b"")


def test_half_a_sample_is_refused(mailbox: Mailbox) -> None:
    with pytest.raises(InvalidAudio, match="3 bytes"):
        mailbox.append("t", 0, b"abc")


def test_a_piece_of_more_than_a_mebibyte_is_refused(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, bytes(1 << 20))
    with pytest.raises(InvalidAudio, match="1048578 bytes"):
        mailbox.append("t", 0, bytes((1 << 20) + 2))


def test_a_position_before_the_meeting_is_refused(mailbox: Mailbox) -> None:
    with pytest.raises(InvalidInput, match="-1"):
        mailbox.append("t", -1, pcm(0, 10))


def test_a_position_after_the_longest_meeting_is_refused(mailbox: Mailbox) -> None:
    with pytest.raises(AudioTooFar):
        mailbox.append("t", MEETING_LIMIT_SAMPLES - 5, pcm(0, 10))
    with pytest.raises(AudioTooFar):
        mailbox.skip("t", MEETING_LIMIT_SAMPLES + 1)


def test_a_full_mailbox_refuses_a_whole_piece_with_the_position_received(mailbox: Mailbox) -> None:
    for second in range(60):
        mailbox.append("t", second * 16000, bytes(32000))
    with pytest.raises(Backlogged) as refused:
        mailbox.append("t", LIMIT - 10, bytes(2 * 16010))
    assert refused.value.facts == {"received_sample": LIMIT, "retry_after_ms": 1000}
    assert mailbox.status("t").received_sample == LIMIT


def test_a_full_mailbox_receives_audio_again_once_some_is_committed(mailbox: Mailbox) -> None:
    mailbox.skip("t", LIMIT)
    claim = mailbox.claim("w", 1, 1000).tracks[0]
    mailbox.release("t", claim.epoch, committed_sample=100, keep_sample=100, seen_sample=LIMIT)
    with pytest.raises(Backlogged):
        mailbox.append("t", LIMIT, pcm(0, 101))
    assert mailbox.append("t", LIMIT, pcm(0, 100)).received_sample == LIMIT + 100


def test_an_empty_mailbox_receives_a_piece_longer_than_its_limit(mailbox: Mailbox) -> None:
    mailbox.open("small", committed_sample=0, epoch=0, backlog_limit_samples=10)
    assert mailbox.append("small", 0, pcm(0, 100)).received_sample == 100
    with pytest.raises(Backlogged):
        mailbox.append("small", 100, pcm(100, 1))


def test_a_thousand_tiny_pieces_fill_a_mailbox(mailbox: Mailbox) -> None:
    mailbox.open("tiny", committed_sample=0, epoch=0, backlog_limit_samples=100_000)
    for sample in range(1000):
        mailbox.append("tiny", sample, b"ab")
    with pytest.raises(Backlogged):
        mailbox.append("tiny", 1000, b"ab")
    with pytest.raises(Backlogged):
        mailbox.skip("tiny", 1001)


def test_skipped_audio_is_read_as_missing(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, pcm(0, 100))
    assert mailbox.skip("t", 130).received_sample == 130
    mailbox.append("t", 130, pcm(130, 20))
    assert mailbox.read("t", 0, 1000) == [
        AudioSpan(0, 100, pcm(0, 100)),
        AudioSpan(100, 130, None),
        AudioSpan(130, 150, pcm(130, 20)),
    ]


def test_skipping_twice_or_backwards_changes_nothing(mailbox: Mailbox) -> None:
    mailbox.skip("t", 130)
    assert mailbox.skip("t", 130).received_sample == 130
    assert mailbox.skip("t", 5).received_sample == 130
    assert mailbox.read("t", 0, 1000) == [AudioSpan(0, 130, None)]


def test_a_closed_track_refuses_new_audio_but_acknowledges_resent_audio(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, pcm(0, 100))
    assert mailbox.close("t").received_sample == 100
    assert mailbox.append("t", 0, pcm(0, 100)).received_sample == 100
    with pytest.raises(TrackClosed):
        mailbox.append("t", 100, pcm(100, 1))
    with pytest.raises(TrackClosed):
        mailbox.skip("t", 101)


def test_closing_past_what_was_received_marks_the_rest_as_missing(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, pcm(0, 100))
    assert mailbox.close("t", 120).received_sample == 120
    assert mailbox.close("t", 500).received_sample == 120
    assert mailbox.read("t", 90, 1000) == [AudioSpan(90, 100, pcm(90, 10)), AudioSpan(100, 120, None)]


def test_every_operation_on_an_unknown_track_raises_mailbox_missing(mailbox: Mailbox) -> None:
    for call in (
        lambda: mailbox.append("x", 0, b"ab"),
        lambda: mailbox.skip("x", 1),
        lambda: mailbox.close("x"),
        lambda: mailbox.read("x", 0, 1),
        lambda: mailbox.status("x"),
    ):
        with pytest.raises(MailboxMissing, match="'x'"):
            call()


def test_opening_twice_returns_the_existing_mailbox(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, pcm(0, 100))
    status = mailbox.open("t", committed_sample=0, epoch=0, backlog_limit_samples=samples_of_s(1))
    assert (status.received_sample, status.committed_sample, status.backlog_limit_samples) == (100, 0, LIMIT)
