"""Realtime transcription sessions with OpenAI's client, the real server and real workers."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import httpx
import openai
import pytest
from openai.resources.realtime.realtime import RealtimeConnection
from sqlalchemy import select
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from schema.core.states import MeetingState
from schema.meetings.tables import Coverage, Meeting, Segment, Track
from tests.api.conftest import Api
from tests.api.openai.conftest import SPOKEN_S, at_24_khz
from tests.running_stack import RunningStack, reference_text, sample_meeting
from tests.waiting import wait_until
from workers.asr.error_rates import word_error_rate

pytestmark = [
    pytest.mark.model,
    # The newest `websockets` warns about the way in which OpenAI's client opens its socket.
    pytest.mark.filterwarnings(r"ignore:connect\(\) must be used as a context manager:DeprecationWarning"),
]

CHUNK_BYTES = 24_000 // 10 * 2
"""100 ms."""
PAUSE = bytes(2 * 24_000)
MID_WORD_BYTES = tuple(2 * round(24_000 * at_s) for at_s in (1.8, 4.1, 8.4, 12.0, 14.9))
"""Positions inside words of the sample meeting."""
WER_LIMIT = 0.1
TRANSCRIBED = (MeetingState.SUMMARIZING, MeetingState.FINISHED)
COMPLETED = "conversation.item.input_audio_transcription.completed"
FAILED = "conversation.item.input_audio_transcription.failed"
DELTA = "conversation.item.input_audio_transcription.delta"
ServerEvent = dict[str, Any]


class RealtimeClientSession:
    """A session that keeps the events it has received."""

    def __init__(self, connection: RealtimeConnection) -> None:
        self.connection = connection
        self.events: list[ServerEvent] = []
        self.id: str = self.until("session.created")["session"]["id"]

    @property
    def meeting_id(self) -> str:
        return self.id.removeprefix("sess_")

    def until(self, *kinds: str) -> ServerEvent:
        """Receive up to the next event of one of *kinds*, which no unexpected error may precede."""

        def receive() -> ServerEvent:
            event: ServerEvent = self.connection.recv().model_dump()
            self.events.append(event)
            assert event["type"] in kinds or event["type"] != "error", event
            return event

        return wait_until(f"{' or '.join(kinds)} arrives", receive, lambda event: event["type"] in kinds, poll_s=0)

    def of(self, kind: str) -> list[ServerEvent]:
        return [event for event in self.events if event["type"] == kind]

    def say(self, pcm: bytes) -> None:
        for at in range(0, len(pcm), CHUNK_BYTES):
            audio = base64.b64encode(pcm[at : at + CHUNK_BYTES]).decode()
            self.connection.input_audio_buffer.append(audio=audio)

    def update(self, **audio_input: Any) -> ServerEvent:
        wanted: Any = {"type": "transcription", "audio": {"input": audio_input}}
        self.connection.session.update(session=wanted)
        return self.until("session.updated")


@contextmanager
def session(client: openai.OpenAI, **query: str) -> Iterator[RealtimeClientSession]:
    with client.realtime.connect(extra_query={"intent": "transcription", **query}) as connection:
        yield RealtimeClientSession(connection)


@pytest.fixture(scope="session")
def turns() -> bytes:
    return at_24_khz(sample_meeting(SPOKEN_S))


def test_each_spoken_turn_becomes_an_item_with_its_words(
    client: openai.OpenAI, running: RunningStack, turns: bytes
) -> None:
    with session(client) as realtime:
        realtime.update(transcription={"model": "gpt-4o-transcribe", "language": "en", "prompt": "Priya, Tom, Leo"})
        realtime.say(turns + PAUSE * 2)
        stopped_at_ms = 0
        while stopped_at_ms < 1000 * (SPOKEN_S - 1):
            stopped_at_ms = realtime.until("input_audio_buffer.speech_stopped")["audio_end_ms"]
        realtime.until("input_audio_buffer.committed")
        while len(realtime.of(COMPLETED)) < len(realtime.of("input_audio_buffer.committed")):
            realtime.until(COMPLETED)
        assert_events_in_order(realtime)
        said = " ".join(event["transcript"] for event in realtime.of(COMPLETED))
        assert word_error_rate([(reference_text(SPOKEN_S), said)]) <= WER_LIMIT, said
    wait_until_transcribed(running, realtime.meeting_id)
    assert_same_words(running, realtime.meeting_id, said)


def assert_events_in_order(realtime: RealtimeClientSession) -> None:
    """Each item is started, stopped, committed and completed once, in this order; its deltas join to its transcript.

    Words outside every detected turn make an item that was neither started nor stopped.
    """
    expected = (
        "input_audio_buffer.speech_started",
        "input_audio_buffer.speech_stopped",
        "input_audio_buffer.committed",
        COMPLETED,
    )
    items = [event["item_id"] for event in realtime.of("input_audio_buffer.committed")]
    started_items = {event["item_id"] for event in realtime.of("input_audio_buffer.speech_started")}
    assert started_items.intersection(items)
    previous = None
    for item_id in items:
        own = [event for event in realtime.events if event.get("item_id") == item_id]
        kinds = [event["type"] for event in own if event["type"] != DELTA]
        assert kinds == list(expected if item_id in started_items else expected[2:])
        *turn, committed, completed = (event for event in own if event["type"] != DELTA)
        if turn:
            started, stopped = turn
            assert started["audio_start_ms"] < stopped["audio_end_ms"]
        assert committed["previous_item_id"] == previous
        assert "".join(event["delta"] for event in own if event["type"] == DELTA) == completed["transcript"]
        previous = item_id
    added = [event["item"]["id"] for event in realtime.of("conversation.item.added")]
    assert added == [event["item"]["id"] for event in realtime.of("conversation.item.done")] == items


def test_without_turn_detection_an_item_ends_where_the_client_commits(
    client: openai.OpenAI, running: RunningStack, turns: bytes
) -> None:
    with session(client) as realtime:
        realtime.update(turn_detection=None)
        realtime.say(turns)
        realtime.connection.input_audio_buffer.commit()
        item_id = realtime.until("input_audio_buffer.committed")["item_id"]
        completed = realtime.until(COMPLETED)  # nothing more is sent, and no pause ends the words
        assert completed["item_id"] == item_id
        assert completed["usage"]["seconds"] == pytest.approx(SPOKEN_S, abs=0.05)
        assert word_error_rate([(reference_text(SPOKEN_S), completed["transcript"])]) <= WER_LIMIT, completed
        assert not realtime.of("input_audio_buffer.speech_started")
    wait_until_transcribed(running, realtime.meeting_id)
    assert covered_s(running, realtime.meeting_id) == pytest.approx(SPOKEN_S, abs=0.05)


def test_a_client_that_commits_in_mid_word_gets_every_item_and_no_word_twice(
    client: openai.OpenAI, turns: bytes
) -> None:
    with session(client) as realtime:
        realtime.update(turn_detection=None)
        said: list[str] = []
        for first, end in pairwise((0, *MID_WORD_BYTES, len(turns))):
            realtime.say(turns[first:end])
            realtime.connection.input_audio_buffer.commit()
            ended = realtime.until(COMPLETED, FAILED)
            assert ended["type"] == COMPLETED, ended
            said.append(ended["transcript"])
    assert word_error_rate([(reference_text(SPOKEN_S), " ".join(said))]) <= WER_LIMIT, said
    words = [word.strip(".,?!").lower() for word in " ".join(said).split()]
    assert not [pair for pair in pairwise(words) if pair[0] == pair[1]], said


def test_cleared_audio_becomes_no_item(client: openai.OpenAI, turns: bytes) -> None:
    half = len(turns) // 2
    with session(client) as realtime:
        realtime.update(turn_detection=None)
        realtime.say(turns[:half] + PAUSE)
        realtime.connection.input_audio_buffer.clear()
        realtime.until("input_audio_buffer.cleared")
        realtime.connection.input_audio_buffer.commit()
        refused = realtime.until("error")["error"]
        assert refused["code"] == "input_audio_buffer_commit_empty"
        realtime.say(turns[half:])
        realtime.connection.input_audio_buffer.commit()
        transcript = realtime.until(COMPLETED)["transcript"]
    whole, second = len(reference_text(SPOKEN_S).split()), len(transcript.split())
    assert 0.25 * whole < second < 0.75 * whole


def test_invalid_events_are_answered_with_errors_and_the_session_goes_on(client: openai.OpenAI, turns: bytes) -> None:
    mistakes: list[tuple[ServerEvent, str]] = [
        ({"type": "response.create", "event_id": "one"}, "undecodable"),
        ({"type": "input_audio_buffer.append", "audio": "not base64!"}, "invalid_audio"),
        ({"type": "input_audio_buffer.append", "audio": "Größe"}, "invalid_audio"),
        ({"type": "input_audio_buffer.append", "audio": base64.b64encode(b"odd").decode()}, "invalid_audio"),
        ({"type": "session.update", "session": {"type": "realtime"}}, "invalid_input"),
        (update_of(format={"type": "audio/pcm", "rate": 8000}), "invalid_input"),
        (update_of(transcription={"model": "gpt-9"}), "model_not_found"),
        (update_of(transcription={"language": "de"}), "unknown_language"),
        (update_of(turn_detection={"type": "server_vad", "threshold": 7}), "undecodable"),
        (update_of(transcription={"keywords": [1] * 20_000}), "undecodable"),
    ]
    with session(client) as realtime:
        for event, code in mistakes:
            realtime.connection.send_raw(json.dumps(event))
            error = realtime.until("error")["error"]
            assert error["code"] == code, error
        realtime.update(turn_detection=None)
        realtime.say(turns[: len(turns) // 4])
        realtime.connection.input_audio_buffer.commit()
        assert realtime.until(COMPLETED)["transcript"]


def update_of(**audio_input: Any) -> ServerEvent:
    return {"type": "session.update", "session": {"type": "transcription", "audio": {"input": audio_input}}}


def test_the_event_names_of_the_beta_are_accepted(running: RunningStack, turns: bytes) -> None:
    url = running.stack.api_url.replace("http", "ws") + "/v1/realtime?intent=transcription"
    with connect(url, proxy=None, additional_headers={"OpenAI-Beta": "realtime=v1"}) as socket:
        assert json.loads(socket.recv())["type"] == "transcription_session.created"
        wanted = {
            "input_audio_format": "pcm16",
            "turn_detection": None,
            "input_audio_transcription": {"language": "en"},
        }
        socket.send(json.dumps({"type": "transcription_session.update", "session": wanted}))
        updated = json.loads(socket.recv())
        assert updated["type"] == "transcription_session.updated"
        assert updated["session"]["turn_detection"] is None
        audio = base64.b64encode(turns).decode()
        socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))
        socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
        kinds: list[str] = []

        def receive() -> list[str]:
            kinds.append(json.loads(socket.recv())["type"])
            return kinds

        wait_until("the item is completed", receive, lambda seen: seen[-1] == COMPLETED, poll_s=0)
    assert kinds[:2] == ["input_audio_buffer.committed", "conversation.item.created"]


def test_deleting_the_meeting_ends_its_session(client: openai.OpenAI, running: RunningStack, turns: bytes) -> None:
    with session(client) as realtime:
        realtime.say(turns[: len(turns) // 8])
        wait_until(
            "the meeting is live",
            lambda: state(running, realtime.meeting_id),
            lambda found: found == MeetingState.LIVE,
        )
        url = f"{running.stack.api_url}/v1/meetings/{realtime.meeting_id}"
        assert httpx.delete(url, trust_env=False, timeout=60).status_code == 204
        assert realtime.until("error")["error"]["code"] == "gone"
        with pytest.raises(ConnectionClosed):
            realtime.until("an event that does not exist")


def test_a_wrong_key_closes_the_socket_with_code_4401(
    start: Callable[..., Api], client_at: Callable[..., openai.OpenAI]
) -> None:
    client = client_at(start(auth="on").url, "mb_wrong")
    with client.realtime.connect(extra_query={"intent": "transcription"}) as connection:
        error: ServerEvent = connection.recv().model_dump()["error"]
        assert error["code"] == "invalid_api_key"
        with pytest.raises(ConnectionClosed) as closed:
            connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


def wait_until_transcribed(running: RunningStack, meeting_id: str) -> None:
    wait_until("the meeting is transcribed", lambda: state(running, meeting_id), lambda found: found in TRANSCRIBED)


def state(running: RunningStack, meeting_id: str) -> str | None:
    with running.database.read() as session:
        return session.scalar(select(Meeting.state).where(Meeting.id == meeting_id))


def covered_s(running: RunningStack, meeting_id: str) -> float:
    chosen = select(Coverage).join(Track, Track.id == Coverage.track_id).where(Track.meeting_id == meeting_id)
    with running.database.read() as session:
        rows = session.scalars(chosen).all()
    return sum(row.end_sample - row.first_sample for row in rows) / 16_000


def assert_same_words(running: RunningStack, meeting_id: str, said: str) -> None:
    """The session has sent every word of the meeting's transcript once and in order."""
    chosen = select(Segment.text).where(Segment.meeting_id == meeting_id).order_by(Segment.first_sample)
    with running.database.read() as session:
        assert " ".join(session.scalars(chosen)).split() == said.split()
