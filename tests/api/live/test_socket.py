"""The live socket: what it accepts, what it refuses, and that it goes on afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from websockets.exceptions import ConnectionClosed

from schema.core.states import MeetingState
from schema.core.units import MEETING_LIMIT_SAMPLES
from schema.meetings.tables import Track
from tests.api.conftest import Api
from tests.api.database_rows import add_coverage, add_segment, move
from tests.api.sockets import live
from tests.waiting import wait_until

SECOND = b"\x01\x00" * 16_000


def test_audio_is_acknowledged_with_the_received_position(api: Api) -> None:
    with live(api, api.create()) as socket:
        first = socket.next()
        assert first["type"] == "state"
        assert first["data"] == {"state": "live", "track": "main", "resume_sample": 0, "committed_sample": 0}
        socket.send(0, SECOND)
        assert socket.next_of("ack") == {"track": "main", "received_sample": 16_000}
        socket.send(0, SECOND)
        assert socket.next_of("ack")["received_sample"] == 16_000
        socket.send(16_000, SECOND)
        assert socket.next_of("ack")["received_sample"] == 32_000


def test_a_reconnecting_client_gets_the_position_to_resume_from(api: Api) -> None:
    meeting = api.create()
    with live(api, meeting) as socket:
        socket.send(0, SECOND)
        socket.next_of("ack")
    with live(api, meeting) as socket:
        assert socket.next_of("state")["resume_sample"] == 16_000


def test_two_tracks_are_received_independently(api: Api) -> None:
    meeting = api.create(tracks=[{"name": "anna", "speaker": "Anna"}, {"name": "ben", "speaker": "Ben"}])
    with live(api, meeting, "?track=anna") as anna, live(api, meeting, "?track=ben") as ben:
        anna.send(0, SECOND * 2)
        ben.send(0, SECOND)
        assert anna.next_of("ack") == {"track": "anna", "received_sample": 32_000}
        assert ben.next_of("ack") == {"track": "ben", "received_sample": 16_000}


def test_finish_drains_the_meeting_and_the_socket_stays_open_until_the_meeting_ends(api: Api) -> None:
    meeting = api.create()
    with live(api, meeting, "?events=0") as socket:
        socket.next()
        socket.send(0, SECOND)
        socket.next_of("ack")
        socket.control(type="finish")
        assert socket.next_of("state") == {"state": "draining"}
        move(api.database, meeting, MeetingState.FINISHED)
        assert socket.next() == {"type": "state", "seq": None, "data": {"state": "finished"}}
        assert socket.end() == (1000, "the meeting has ended")
    with api.database.read() as session:
        assert session.query(Track).filter_by(meeting_id=meeting).one().closed_sample == 16_000


def test_audio_after_finish_is_refused_and_events_still_arrive(api: Api) -> None:
    meeting = api.create()
    with live(api, meeting) as socket:
        socket.send(0, SECOND)
        socket.control(type="finish")
        socket.send(16_000, SECOND)
        assert socket.next_of("error")["type"] == "urn:minutebook:problem:track-closed"
        add_segment(api.database, meeting, "The end.")
        assert socket.next_of("segment")["text"] == "The end."


def test_skip_moves_the_expected_position_past_lost_audio(api: Api) -> None:
    meeting = api.create()
    with live(api, meeting) as socket:
        socket.send(0, SECOND)
        socket.next_of("ack")
        socket.control(type="skip", to_sample=40_000)
        assert socket.next_of("ack")["received_sample"] == 40_000
        socket.send(40_000, SECOND)
        assert socket.next_of("ack")["received_sample"] == 56_000


def test_a_gap_is_refused_with_the_position_expected_and_the_socket_goes_on(api: Api) -> None:
    with live(api, api.create()) as socket:
        socket.send(16_000, SECOND)
        error = socket.next_of("error")
        assert (error["type"], error["expected_sample"]) == ("urn:minutebook:problem:audio-gap", 0)
        socket.send(0, SECOND)
        assert socket.next_of("ack")["received_sample"] == 16_000


@pytest.mark.parametrize(
    ("frame", "slug", "named"),
    [
        (bytes(8), "invalid-audio", "no audio"),
        (b"", "invalid-audio", "0 bytes"),
        (bytes(5), "invalid-audio", "5 bytes"),
        (bytes(8 + 321), "invalid-audio", "321 bytes"),
        (bytes(8 + (1 << 20) + 2), "invalid-audio", "limit of 1048576"),
        (b"\xff" * 8 + SECOND, "audio-too-far", str(MEETING_LIMIT_SAMPLES)),
        (bytes(8) + b"RIFF\0\0\0\0WAVE" + SECOND, "invalid-audio", "WAV header"),
        (bytes(8) + b"\x1aE\xdf\xa3" + SECOND, "invalid-audio", "WebM"),
        ("what?", "undecodable", "what?"),
        ('{"type": "skip"}', "undecodable", "to_sample"),
        ('{"type": "skip", "to_sample": -1}', "undecodable", "-1"),
        (json.dumps({f"field{index}": index for index in range(80_000)}), "undecodable", "the limit is 1000"),
    ],
)
def test_a_malformed_frame_is_refused_by_name_and_the_socket_goes_on(
    api: Api, frame: bytes | str, slug: str, named: str
) -> None:
    with live(api, api.create()) as socket:
        socket.connection.send(frame)
        error = socket.next_of("error")
        assert error["type"] == f"urn:minutebook:problem:{slug}"
        assert named in error["detail"]
        socket.send(0, SECOND)
        assert socket.next_of("ack")["received_sample"] == 16_000


def test_a_frame_of_100_mb_closes_the_connection_and_received_audio_is_kept(api: Api) -> None:
    meeting = api.create()
    with live(api, meeting) as socket:
        socket.send(0, SECOND)
        socket.next_of("ack")
        # The server closes as soon as it has read the length, so the client may not receive the reason.
        with suppress(ConnectionClosed):
            socket.connection.send(bytes(100_000_000))
        with pytest.raises(ConnectionClosed):
            socket.next_of("ack", "error")
    with live(api, meeting) as socket:
        assert socket.next_of("state")["resume_sample"] == 16_000


def test_the_header_of_a_frame_of_100_mb_is_answered_with_its_size_and_the_remedy(api: Api) -> None:
    with live(api, api.create()) as socket:
        socket.next_of("state")
        socket.connection.socket.sendall(b"\x82\xff" + (100_000_000).to_bytes(8, "big") + bytes(4))
        with pytest.raises(ConnectionClosed) as ended:
            socket.next_of("ack", "error")
    assert ended.value.rcvd is not None
    assert ended.value.rcvd.code == 1009
    assert "100000000 bytes" in ended.value.rcvd.reason
    assert "send pieces of 1 MiB or less" in ended.value.rcvd.reason


def test_a_full_mailbox_refuses_a_whole_frame_and_says_when_to_retry(start: Callable[..., Api]) -> None:
    api = start(backlog_limit_s=40)
    with live(api, api.create()) as socket:
        for place in range(3):
            socket.send(place * 320_000, SECOND * 20)
        error = socket.next_of("error")
        assert error["type"] == "urn:minutebook:problem:backlogged"
        assert error["retryable"] is True
        assert error["received_sample"] == 640_000
        assert error["retry_after_ms"] > 0


def test_after_redis_lost_everything_audio_continues_from_the_database_position(api: Api) -> None:
    meeting = api.create()
    with live(api, meeting) as socket:
        socket.send(0, SECOND * 3)
        socket.next_of("ack")
        add_coverage(api.database, meeting, "transcribed", 0, 1)
        api.redis.flushdb()
        socket.send(48_000, SECOND)
        assert socket.next_of("error")["expected_sample"] == 16_000
        socket.send(16_000, SECOND)
        assert socket.next_of("ack")["received_sample"] == 32_000


def test_audio_that_redis_lost_before_the_finish_is_asked_for_again(api: Api) -> None:
    meeting = api.create()
    with live(api, meeting) as socket:
        socket.send(0, SECOND * 2)
        socket.next_of("ack")
        api.redis.flushdb()
        socket.control(type="finish")
        assert socket.next_of("error")["expected_sample"] == 0
        assert closed_samples(api) == {"main": None}
        socket.send(0, SECOND * 2)
        assert socket.next_of("ack")["received_sample"] == 32_000
        socket.control(type="finish")
        wait_until("the track is closed", lambda: closed_samples(api), lambda ends: ends == {"main": 32_000})


def test_a_second_finish_is_accepted_from_a_producer_that_cannot_send_lost_audio_again(api: Api) -> None:
    meeting = api.create()
    with live(api, meeting) as socket:
        socket.send(0, SECOND)
        socket.next_of("ack")
        api.redis.flushdb()
        socket.control(type="finish")
        socket.next_of("error")
        socket.control(type="skip", to_sample=16_000)
        socket.control(type="finish")
        wait_until("the track is closed", lambda: closed_samples(api), lambda ends: ends == {"main": 16_000})


def test_a_producer_is_asked_again_for_audio_that_was_lost_when_another_one_finished(api: Api) -> None:
    meeting = api.create(tracks=[{"name": "anna", "speaker": "Anna"}, {"name": "ben", "speaker": "Ben"}])
    with live(api, meeting, "?track=anna") as anna, live(api, meeting, "?track=ben") as ben:
        anna.send(0, SECOND * 2)
        ben.send(0, SECOND)
        for socket in (anna, ben):
            socket.next_of("ack")
        api.redis.flushdb()
        anna.control(type="finish")
        for socket in (anna, ben):
            assert socket.next_of("error")["expected_sample"] == 0
        anna.send(0, SECOND * 2)
        ben.send(0, SECOND)
        for socket in (anna, ben):
            socket.next_of("ack")
            socket.control(type="finish")
        wait_until(
            "both tracks are closed", lambda: closed_samples(api), lambda ends: ends == {"anna": 32_000, "ben": 16_000}
        )


def test_a_finish_leaves_tracks_open_whose_producers_are_connected_and_whose_audio_was_lost(api: Api) -> None:
    """Otherwise a short meeting could be over before they notice."""
    meeting = api.create(tracks=[{"name": "anna", "speaker": "Anna"}, {"name": "ben", "speaker": "Ben"}])
    with live(api, meeting, "?track=ben") as ben:
        ben.send(0, SECOND)
        ben.next_of("ack")
        api.redis.flushdb()
        api.http.post(f"/v1/meetings/{meeting}/finish").raise_for_status()
        assert closed_samples(api) == {"anna": 0, "ben": None}
        assert ben.next_of("error")["expected_sample"] == 0
        ben.send(0, SECOND)
        ben.next_of("ack")
        ben.control(type="finish")
        wait_until(
            "both tracks are closed", lambda: closed_samples(api), lambda ends: ends == {"anna": 0, "ben": 16_000}
        )


def closed_samples(api: Api) -> dict[str, int | None]:
    """The end of each track in SQL, None while it is open."""
    with api.database.read() as session:
        return {track.name: track.closed_sample for track in session.query(Track)}


def test_a_finished_meeting_is_replayed_and_its_socket_closed(api: Api) -> None:
    meeting = api.create()
    add_segment(api.database, meeting, "It was short.")
    move(api.database, meeting, MeetingState.FINISHED)
    with live(api, meeting) as socket:
        assert socket.rows(1) == [(1, "It was short.")]
        assert socket.next_of("state") == {"state": "finished"}
        code, reason = socket.end()
        assert code == 4409
        assert "finished" in reason


@pytest.mark.parametrize("query", ["", "?track=other"])
def test_an_unknown_meeting_or_track_is_refused_by_name_and_the_socket_closed(api: Api, query: str) -> None:
    meeting = api.create() if query else "nothing"
    with live(api, meeting, query) as socket:
        error = socket.next_of("error")
        assert error["type"] == "urn:minutebook:problem:not-found"
        assert ("other" if query else "nothing") in error["detail"]
        assert socket.end()[0] == 4404


def test_deleting_a_meeting_closes_its_sockets(api: Api) -> None:
    meeting = api.create()
    with live(api, meeting) as quiet, live(api, meeting) as speaking:
        speaking.send(0, SECOND)
        speaking.next_of("ack")
        assert api.http.delete(f"/v1/meetings/{meeting}").status_code == 204
        with suppress(ConnectionClosed):
            speaking.send(16_000, SECOND)
        for socket in (quiet, speaking):
            *_, last = socket.rest()
            assert last == {"type": "state", "seq": None, "data": {"state": "deleted"}}
            assert socket.end() == (4410, f"meeting '{meeting}' was deleted")
    with live(api, meeting) as socket:
        assert socket.next_of("error")["type"] == "urn:minutebook:problem:gone"
        assert socket.end()[0] == 4410


@pytest.mark.parametrize("query", ["?after=x", "?after=-1", "?events=yes", "?after=99999999999999999999"])
def test_a_malformed_parameter_is_refused_by_name(api: Api, query: str) -> None:
    with live(api, api.create(), query) as socket:
        assert query[1:].partition("=")[0] in socket.next_of("error")["detail"]
        assert socket.end()[0] == 4422


def test_audio_is_received_while_wake_ups_fail(api: Api) -> None:
    # The key of the queue holds a string instead of a list, so that every wake-up fails.
    api.redis.set("transcribe", "not a queue")
    with live(api, api.create()) as socket:
        for second in range(3):
            socket.send(second * 16_000, SECOND)
            assert socket.next_of("ack")["received_sample"] == (second + 1) * 16_000
