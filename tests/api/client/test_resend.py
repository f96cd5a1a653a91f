"""The client keeps uncommitted audio and knows when each sample was sent."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from api.client.resend import ResendBuffer, SendLog


@given(st.lists(st.integers(1, 50), min_size=1, max_size=30), st.data())
def test_uncommitted_audio_is_kept_unchanged(sizes: list[int], data: st.DataObject) -> None:
    buffer, whole = ResendBuffer(), b""
    for number, size in enumerate(sizes):
        pcm = bytes([number, 0]) * size
        buffer.add(pcm)
        whole += pcm
    committed = data.draw(st.integers(0, buffer.end_sample))
    buffer.drop(committed)
    assert buffer.first_sample <= committed
    sample = data.draw(st.integers(buffer.first_sample, buffer.end_sample))
    rest = b""
    while piece := buffer.at(sample):
        assert piece.first_sample == sample
        rest, sample = rest + piece.pcm, piece.end_sample
    assert rest == whole[len(whole) - len(rest) :]
    assert sample == buffer.end_sample == len(whole) // 2


def test_a_buffer_continues_at_the_start_position_of_its_track() -> None:
    buffer = ResendBuffer()
    buffer.start_at(1000)
    assert buffer.add(bytes(20)).first_sample == 1000
    assert buffer.at(1010) is None
    assert buffer.kept_samples == 10


def test_the_send_time_of_a_sample_is_the_first_one_of_its_chunk() -> None:
    log = SendLog()
    assert log.sent_s(10) is None
    log.note(100, 1.0)
    log.note(200, 2.0)
    log.note(200, 9.0)  # sent again: the first time counts
    assert [log.sent_s(end) for end in (1, 100, 101, 200, 999)] == [1.0, 1.0, 2.0, 2.0, 2.0]
