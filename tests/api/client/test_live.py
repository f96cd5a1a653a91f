"""The client delivers every sample to a real API in spite of disturbances, and reports what it cannot overcome."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from redis import Redis
from sqlalchemy import select

from api.client.audio_source import pcm_chunks
from api.client.http import Http
from api.client.live import Arrival, LiveTrack
from api.client.pace import from_memory
from schema.core.database import Database
from schema.core.errors import (
    AudioTrimmed,
    Gone,
    MailboxMissing,
    MinutebookError,
    NotFound,
    Unauthorized,
    Unavailable,
)
from schema.core.states import MeetingState
from schema.core.units import BYTES_PER_SAMPLE
from schema.mailbox import Mailbox
from schema.meetings.tables import Track
from schema.meetings.wire import NewMeeting
from tests.api.database_rows import move
from tests.api.process import ApiProcess
from tests.waiting import wait_until

PCM = np.random.default_rng(7).integers(-9000, 9000, 16000 * 12, dtype=np.int16).tobytes()
SAMPLES = len(PCM) // BYTES_PER_SAMPLE


def _url(client: Redis) -> str:
    kept = client.connection_pool.connection_kwargs
    return f"redis://127.0.0.1:{kept['port']}/{kept['db']}"


@pytest.fixture
def api(tmp_path: Path, redis_client: Redis) -> Iterator[ApiProcess]:
    process = ApiProcess(tmp_path, _url(redis_client))
    process.start()
    yield process
    process.end()


async def _create(api: ApiProcess) -> str:
    async with Http(api.url) as http:
        return (await http.create(NewMeeting(title="Test"))).id


async def _stream(track: LiveTrack, chunks: AsyncIterator[bytes]) -> list[Arrival]:
    return [arrival async for arrival in track.stream(chunks, finish=False)]


async def _disturbed(after: int, disturb: Callable[[], Awaitable[None]]) -> AsyncIterator[bytes]:
    """The chunks of the recording, 100 ms each, with a call of *disturb* before chunk number *after*."""
    for number, chunk in enumerate(pcm_chunks(PCM)):
        if number == after:
            await disturb()
        await asyncio.sleep(0.002)
        yield chunk


def _received(api: ApiProcess, client: Redis) -> bytes:
    """The audio in the mailbox of the only track."""
    database = Database(api.settings.sql_url)
    with database.read() as session:
        track_id = session.scalars(select(Track.id)).one()
    database.close()
    return b"".join(span.pcm or b"" for span in Mailbox(client).read(track_id, 0, SAMPLES + 1))


def test_every_sample_arrives_and_every_chunk_is_acknowledged(api: ApiProcess, redis_client: Redis) -> None:
    async def run() -> LiveTrack:
        track = LiveTrack(api.url, await _create(api))
        arrivals = await _stream(track, from_memory(pcm_chunks(PCM)))
        assert arrivals[0].event.type == "state"
        assert arrivals[0].event.data["resume_sample"] == 0
        return track

    track = asyncio.run(run())
    assert _received(api, redis_client) == PCM
    assert len(track.ack_ms) == 120
    assert track.reconnects == 0


def test_a_second_client_continues_where_the_first_one_stopped(api: ApiProcess, redis_client: Redis) -> None:
    async def run() -> None:
        meeting_id = await _create(api)
        for half in (PCM[: SAMPLES // 2 * 2], PCM[SAMPLES // 2 * 2 :]):
            await _stream(LiveTrack(api.url, meeting_id), from_memory(pcm_chunks(half)))

    asyncio.run(run())
    assert _received(api, redis_client) == PCM


def test_no_audio_is_lost_when_the_api_is_killed(api: ApiProcess, redis_client: Redis) -> None:
    async def restart() -> None:
        await asyncio.to_thread(api.end, signal.SIGKILL)
        await asyncio.to_thread(api.start)

    async def run() -> tuple[LiveTrack, list[Arrival]]:
        track = LiveTrack(api.url, await _create(api))
        return track, await _stream(track, _disturbed(60, restart))

    track, arrivals = asyncio.run(run())
    assert _received(api, redis_client) == PCM
    assert track.reconnects >= 1
    assert {"connection", "state", "ack"} <= {arrival.event.type for arrival in arrivals}


def test_audio_that_redis_lost_is_resent(api: ApiProcess, redis_client: Redis) -> None:
    async def lose_everything() -> None:
        await asyncio.sleep(0.2)
        redis_client.flushdb()

    async def run() -> list[Arrival]:
        track = LiveTrack(api.url, await _create(api))
        return await _stream(track, _disturbed(60, lose_everything))

    arrivals = asyncio.run(run())
    assert _received(api, redis_client) == PCM
    assert any(arrival.event.type == "error" for arrival in arrivals)


def _is_complete(database: Database, client: Redis) -> bool:
    """Whether the only track is closed, with all audio of the recording in its mailbox."""
    with database.read() as session:
        track = session.scalars(select(Track)).one()
    spans = Mailbox(client).read(track.id, 0, SAMPLES + 1)
    return track.closed_sample == SAMPLES and b"".join(span.pcm or b"" for span in spans) == PCM


def test_audio_that_redis_loses_at_the_end_of_the_meeting_and_again_later_is_resent(
    api: ApiProcess, redis_client: Redis
) -> None:
    database = Database(api.settings.sql_url)

    def wait_until_complete() -> None:
        def look() -> bool:
            return _is_complete(database, redis_client)

        wait_until("all audio is in the closed mailbox", look, retry_on=(MailboxMissing, AudioTrimmed))

    async def chunks(track: LiveTrack) -> AsyncIterator[bytes]:
        async for chunk in from_memory(pcm_chunks(PCM)):
            yield chunk
        while track.received_sample < SAMPLES:
            await asyncio.sleep(0.01)
        redis_client.flushdb()  # after the last acknowledgement, and before the meeting is finished

    async def run() -> None:
        track = LiveTrack(api.url, await _create(api))

        async def lose_everything_twice_more() -> None:
            for _ in range(2):
                await asyncio.to_thread(wait_until_complete)
                redis_client.flushdb()
            await asyncio.to_thread(wait_until_complete)
            move(database, track.meeting_id, MeetingState.FINISHED)

        losing = asyncio.create_task(lose_everything_twice_more())
        async for _ in track.stream(chunks(track)):
            pass
        await losing

    asyncio.run(run())
    database.close()


def test_a_full_mailbox_makes_the_client_wait_and_loses_nothing(tmp_path: Path, redis_client: Redis) -> None:
    api = ApiProcess(tmp_path, _url(redis_client), backlog_limit_s="40")
    api.start()
    stop = threading.Event()
    pcm = PCM * 4
    received: list[bytes] = []
    worker = threading.Thread(target=_commit_all, args=(redis_client, received, stop), daemon=True)

    async def run() -> None:
        track = LiveTrack(api.url, await _create(api))
        async for arrival in track.stream(from_memory(pcm_chunks(pcm)), finish=False):
            full = arrival.event.data.get("type") == "urn:minutebook:problem:backlogged"
            if full and not worker.is_alive():
                worker.start()  # only now, since on a busy machine it is faster than the client

    try:
        asyncio.run(run())
        wait_until("all audio is committed", lambda: sum(map(len, received)), lambda size: size >= len(pcm))
    finally:
        stop.set()
        api.end()
    worker.join()
    assert b"".join(received) == pcm


def _commit_all(client: Redis, received: list[bytes], stop: threading.Event) -> None:
    """Commit what is claimed, half a second at a time."""
    mailbox = Mailbox(client)
    while not stop.wait(0.05):
        for claim in mailbox.claim("test", 1, 5000).tracks:
            spans = mailbox.read(claim.track_id, claim.committed_sample, 8000)
            received += [span.pcm for span in spans if span.pcm]
            end = spans[-1].end_sample if spans else claim.committed_sample
            mailbox.release(
                claim.track_id,
                claim.epoch,
                committed_sample=end,
                keep_sample=end,
                seen_sample=end,
                state=b"",
                delay_ms=0,
            )


@pytest.mark.parametrize("meetings", [1, 3])
def test_one_client_process_streams_to_several_meetings(api: ApiProcess, redis_client: Redis, meetings: int) -> None:
    async def run() -> list[LiveTrack]:
        tracks = [LiveTrack(api.url, await _create(api)) for _ in range(meetings)]
        await asyncio.gather(*(_stream(track, from_memory(pcm_chunks(PCM))) for track in tracks))
        return tracks

    assert [track.received_sample for track in asyncio.run(run())] == [SAMPLES] * meetings


async def _refusal(url: str, meeting_id: str, key: str | None = None) -> MinutebookError:
    track = LiveTrack(url, meeting_id, key=key, retry_limit_s=0)
    with pytest.raises(MinutebookError) as caught:
        await _stream(track, from_memory(pcm_chunks(PCM)))
    return caught.value


def test_an_unknown_meeting_is_refused_at_once(api: ApiProcess) -> None:
    assert isinstance(asyncio.run(_refusal(api.url, "nonsense")), NotFound)


def test_a_deleted_meeting_is_refused_with_gone(api: ApiProcess) -> None:
    async def run() -> MinutebookError:
        meeting_id = await _create(api)
        async with Http(api.url) as http:
            await http.delete(meeting_id)
        return await _refusal(api.url, meeting_id)

    assert isinstance(asyncio.run(run()), Gone)


def test_a_missing_or_wrong_key_is_refused_with_unauthorized(tmp_path: Path, redis_client: Redis) -> None:
    api = ApiProcess(tmp_path, _url(redis_client), auth="on")
    api.start()
    try:
        assert isinstance(asyncio.run(_refusal(api.url, "m1")), Unauthorized)
        assert isinstance(asyncio.run(_refusal(api.url, "m1", key="mb_nonsense")), Unauthorized)
    finally:
        api.end()


def test_an_unreachable_server_is_reported_as_unavailable() -> None:
    assert isinstance(asyncio.run(_refusal("http://127.0.0.1:1", "m1")), Unavailable)
