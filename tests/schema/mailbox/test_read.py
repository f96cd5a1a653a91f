"""Which audio can be read, and until when."""

from __future__ import annotations

import pytest

from schema.core.errors import AudioTrimmed, InvalidInput
from schema.mailbox import AudioSpan, Mailbox
from tests.schema.mailbox.conftest import LIMIT, SECOND, claim_one


def test_kept_audio_stays_readable_and_earlier_audio_is_trimmed(mailbox: Mailbox) -> None:
    for second in range(4):
        mailbox.append("t", second * 16_000, bytes([second]) * 32_000)
    claim = claim_one(mailbox)
    mailbox.release("t", claim.epoch, committed_sample=50_000, keep_sample=16_000, seen_sample=64_000)
    assert mailbox.read("t", 16_000, 16_000) == [AudioSpan(16_000, 32_000, b"\x01" * 32_000)]
    with pytest.raises(AudioTrimmed) as refused:
        mailbox.read("t", 15_999, 10)
    assert refused.value.facts == {"first_sample": 16_000}


def test_uncommitted_audio_cannot_be_trimmed(mailbox: Mailbox) -> None:
    with pytest.raises(InvalidInput, match="keep_sample 11"):
        mailbox.release("t", 1, committed_sample=10, keep_sample=11, seen_sample=0)


def test_a_read_is_exact_to_the_sample_and_ends_with_the_received_audio(mailbox: Mailbox) -> None:
    sound = bytes(range(200))
    for first in range(0, 100, 20):
        mailbox.append("t", first, sound[first * 2 : first * 2 + 40])
    assert mailbox.read("t", 33, 30) == [AudioSpan(33, 63, sound[66:126])]
    assert mailbox.read("t", 90, 1000) == [AudioSpan(90, 100, sound[180:])]
    assert mailbox.read("t", 100, 1000) == []


def test_a_long_read_joins_many_pieces(mailbox: Mailbox) -> None:
    sound = bytes(index % 251 for index in range(20_000))
    for first in range(0, 10_000, 100):
        mailbox.append("t", first, sound[first * 2 : first * 2 + 200])
    assert mailbox.read("t", 0, 10_000) == [AudioSpan(0, 10_000, sound)]


def test_audio_committed_in_sql_before_a_crash_is_not_pending_again(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    status = mailbox.open("t", committed_sample=9000, epoch=0, backlog_limit_samples=LIMIT)
    assert (status.committed_sample, status.received_sample) == (9000, 16_000)
    assert mailbox.depth().pending_samples == 7000


def test_after_a_loss_of_committed_audio_the_mailbox_continues_after_it(mailbox: Mailbox) -> None:
    mailbox.append("t", 0, SECOND)
    claim = claim_one(mailbox)
    mailbox.release("t", claim.epoch, committed_sample=20_000, keep_sample=4000, seen_sample=20_000)
    assert mailbox.status("t").received_sample == 20_000
    assert mailbox.depth().pending_samples == 0
    assert mailbox.append("t", 20_000, b"ab").received_sample == 20_001
    assert mailbox.read("t", 20_000, 10) == [AudioSpan(20_000, 20_001, b"ab")]
    with pytest.raises(AudioTrimmed):
        mailbox.read("t", 16_000, 10)
