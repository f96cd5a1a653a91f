"""Audio of realtime sessions on its way into the mailbox: resampling, a full mailbox, a lost one."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import numpy as np
from sqlalchemy import select
from websockets.sync.client import ClientConnection, connect

from api.openai.session_meeting import Resampler
from schema.core.errors import MailboxMissing
from schema.core.states import CoverageKind
from schema.core.units import SAMPLE_RATE_HZ
from schema.mailbox import Mailbox
from schema.meetings.tables import Coverage, Track
from tests.api.conftest import Api
from tests.api.database_rows import add_segment
from tests.waiting import wait_until

RATE_HZ = 24_000
LEASE_MS = 20_000
COMPLETED = "conversation.item.input_audio_transcription.completed"


def tone(seconds: float, frequency_hz: float = 440.0, loudness: float = 10_000) -> bytes:
    times_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    samples = loudness * np.sin(2 * np.pi * frequency_hz * times_s)
    return samples.astype("<i2").tobytes()


def resampled(pcm: bytes, piece_bytes: int) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    resampler = Resampler()
    pieces = [resampler.take(pcm[at : at + piece_bytes]) for at in range(0, len(pcm), piece_bytes)]
    return np.frombuffer(b"".join(pieces), "<i2")


def test_resampling_keeps_the_tone_and_its_loudness() -> None:
    heard = resampled(tone(2.0), 4800)
    assert 1.95 * SAMPLE_RATE_HZ < len(heard) <= 2 * SAMPLE_RATE_HZ
    middle = heard[SAMPLE_RATE_HZ // 2 : 3 * SAMPLE_RATE_HZ // 2].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(middle)) / (len(middle) / 2)
    assert int(spectrum.argmax()) == 440
    assert abs(spectrum[440] - 10_000) < 50
    spectrum[440] = 0
    assert spectrum.max() < 5


def test_resampling_does_not_depend_on_the_size_of_the_pieces() -> None:
    pcm = tone(1.0)
    whole, pieces = resampled(pcm, len(pcm)), resampled(pcm, 482)
    length = min(len(whole), len(pieces))
    assert length > 0.9 * SAMPLE_RATE_HZ
    # soxr dithers where it rounds to 16 bits, so each may be a level off.
    assert np.abs(whole[:length].astype(int) - pieces[:length]).max() <= 2


@contextmanager
def session(api: Api, *, turns: bool = False) -> Iterator[tuple[ClientConnection, str]]:
    """A socket, with turn detection if *turns*, and the id of its meeting."""
    url = f"ws://127.0.0.1:{api.config.api_port}/v1/realtime?intent=transcription"
    with connect(url, proxy=None) as socket:
        meeting_id = json.loads(socket.recv())["session"]["id"].removeprefix("sess_")
        detection = {"type": "server_vad"} if turns else None
        wanted = {"type": "transcription", "audio": {"input": {"turn_detection": detection}}}
        socket.send(json.dumps({"type": "session.update", "session": wanted}))
        assert json.loads(socket.recv())["type"] == "session.updated"
        yield socket, meeting_id


def say(socket: ClientConnection, seconds: float, loudness: float = 10_000) -> None:
    audio = base64.b64encode(tone(seconds, loudness=loudness)).decode()
    socket.send(json.dumps({"type": "input_audio_buffer.append", "audio": audio}))


def received_s(api: Api, meeting_id: str) -> float:
    with suppress(MailboxMissing), api.database.read() as session:
        track_id = session.scalar(select(Track.id).where(Track.meeting_id == meeting_id))
        if track_id is not None:
            return api.mailbox.status(track_id).received_sample / SAMPLE_RATE_HZ
    return 0.0


def test_a_full_mailbox_makes_the_client_wait_and_drops_nothing(start: Callable[..., Api]) -> None:
    api = start(backlog_limit_s=40.0)
    with session(api) as (socket, meeting_id):
        for _ in range(43):
            say(socket, 1.0)
        wait_until("the mailbox is full", lambda: received_s(api, meeting_id), lambda seconds: seconds > 39.9)
        assert received_s(api, meeting_id) <= 40.0

        def commit_and_look() -> float:
            commit_all(api.mailbox)
            return received_s(api, meeting_id)

        wait_until("the rest is received", commit_and_look, lambda seconds: seconds > 42.9)


def commit_all(mailbox: Mailbox) -> None:
    """Commit everything received, as a worker does that has transcribed it."""
    for claim in mailbox.claim("test", 4, LEASE_MS).tracks:
        end = claim.received_sample
        mailbox.release(claim.track_id, claim.epoch, committed_sample=end, keep_sample=end, seen_sample=end)


def test_audio_that_redis_lost_is_booked_as_missing_and_the_session_goes_on(api: Api) -> None:
    with session(api) as (socket, meeting_id):
        say(socket, 2.0)
        wait_until("the audio is received", lambda: received_s(api, meeting_id), lambda seconds: seconds > 1.9)
        api.redis.flushdb()
        say(socket, 2.0)
        wait_until("later audio keeps its place", lambda: received_s(api, meeting_id), lambda seconds: seconds > 3.9)
        with api.database.read() as database:
            track_id = database.scalars(select(Track.id).where(Track.meeting_id == meeting_id)).one()
        first, *_ = api.mailbox.read(track_id, 0, 4 * SAMPLE_RATE_HZ)
        assert first.first_sample == 0
        assert first.pcm is None


def test_audio_that_redis_lost_at_the_end_of_a_session_is_booked_as_missing(api: Api) -> None:
    with session(api) as (socket, meeting_id):
        say(socket, 2.0)
        wait_until("the audio is received", lambda: received_s(api, meeting_id), lambda seconds: seconds > 1.9)
        sent_s = received_s(api, meeting_id)
        api.redis.flushdb()
    wait_until("the end of the audio is known", lambda: closed_s(api, meeting_id), lambda end_s: end_s == sent_s)


def closed_s(api: Api, meeting_id: str) -> float | None:
    """The end of the session's track, None while it is open."""
    with api.database.read() as database:
        end = database.scalar(select(Track.closed_sample).where(Track.meeting_id == meeting_id))
    return None if end is None else end / SAMPLE_RATE_HZ


def test_words_outside_every_detected_turn_become_an_item_of_their_own(api: Api) -> None:
    with session(api, turns=True) as (socket, meeting_id):
        say(socket, 2.0, loudness=0.0)
        socket.send(json.dumps({"type": "input_audio_buffer.commit"}))
        say(socket, 8.0, loudness=0.0)
        wait_until("the silence is received", lambda: received_s(api, meeting_id), lambda seconds: seconds > 9.9)
        add_segment(api.database, meeting_id, "Good morning", 4.0, 5.0)
        cover_all(api, meeting_id)
        assert [next_transcript(socket), next_transcript(socket)] == ["", "Good morning"]


def next_transcript(socket: ClientConnection) -> str:
    event = wait_until(
        "an item is completed",
        lambda: json.loads(socket.recv(timeout=30)),
        lambda event: event["type"] == COMPLETED,
        poll_s=0,
    )
    return str(event["transcript"])


def cover_all(api: Api, meeting_id: str) -> None:
    """Write coverage for everything received, as a worker does that has transcribed it."""
    with api.database.write() as database:
        track = database.scalars(select(Track).where(Track.meeting_id == meeting_id)).one()
        end_sample = track.committed_sample = api.mailbox.status(track.id).received_sample
        database.add(Coverage(track_id=track.id, first_sample=0, end_sample=end_sample, kind=CoverageKind.SILENT))


def test_a_closed_socket_finishes_the_meeting(api: Api) -> None:
    with session(api) as (socket, meeting_id):
        say(socket, 1.0)
        wait_until("the audio is received", lambda: received_s(api, meeting_id), lambda seconds: seconds > 0.9)
        assert state(api, meeting_id) == "live"
    wait_until("the meeting is draining", lambda: state(api, meeting_id), lambda found: found == "draining")


def state(api: Api, meeting_id: str) -> str:
    return str(api.http.get(f"/v1/meetings/{meeting_id}").json()["state"])


def test_a_session_without_audio_leaves_no_meeting(api: Api) -> None:
    with session(api) as (_, meeting_id):
        pass
    assert api.http.get(f"/v1/meetings/{meeting_id}").status_code == 404
    assert api.http.get("/v1/meetings").json()["meetings"] == []
