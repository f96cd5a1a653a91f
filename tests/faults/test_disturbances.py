"""Nobody is killed, but nothing goes as it should: the meeting comes through whole all the same."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress

import httpx
import pytest

from api.client import LiveTrack
from api.client.audio_source import pcm_chunks
from api.client.pace import from_memory, paced
from schema.core.errors import Unavailable
from schema.core.queues import TRANSCRIBE_QUEUE
from schema.core.units import BYTES_PER_SAMPLE, samples_of_s
from tests.hall import Hall, Sitting, eventually

pytestmark = pytest.mark.faults


def test_two_workers_on_one_meeting(faulty: Hall) -> None:
    """One that holds the track stops in the middle of its step; it goes on when another has long taken over."""

    def disturb(sitting: Sitting) -> None:
        slow = stop(faulty, sitting)
        try:
            before = faulty.status(sitting)
            eventually("another worker goes on", lambda: faulty.status(sitting).epoch > before.epoch)
            eventually("and commits", lambda: faulty.status(sitting).committed_sample > before.committed_sample)
        finally:
            os.kill(slow, signal.SIGCONT)

    faulty.assert_whole(faulty.hold(faulty.clip, disturb), faulty.undisturbed)


def stop(faulty: Hall, sitting: Sitting) -> int:
    """Stop the worker that holds the track and return its process id.

    One that is stopped in a transaction keeps SQLite's only lock from everybody until it goes on or its task's limit
    kills it, so it goes on and is stopped elsewhere.
    """
    while True:
        slow = faulty.wait_claimed(sitting)
        os.kill(slow, signal.SIGSTOP)
        with suppress(Unavailable), faulty.database.write():
            return slow
        os.kill(slow, signal.SIGCONT)


def test_wake_ups_that_are_lost(faulty: Hall) -> None:
    def disturb(sitting: Sitting) -> None:
        for _ in range(100):
            faulty.redis.delete(TRANSCRIBE_QUEUE)
            time.sleep(0.02)

    faulty.assert_whole(faulty.hold(faulty.clip, disturb), faulty.undisturbed)


def test_the_same_piece_ten_times(faulty: Hall) -> None:
    sitting = faulty.create(main=faulty.clip)
    url = f"{faulty.stack.api_url}/v1/meetings/{sitting.meeting_id}"
    with httpx.Client(trust_env=False, timeout=60) as client:
        size = samples_of_s(1) * BYTES_PER_SAMPLE
        for at in range(0, len(faulty.clip), size):
            piece = faulty.clip[at : at + size]
            for _ in range(10):
                answer = client.post(f"{url}/audio", params={"first_sample": at // BYTES_PER_SAMPLE}, content=piece)
                assert answer.json()["received_sample"] == (at + len(piece)) // BYTES_PER_SAMPLE
        client.post(f"{url}/finish").raise_for_status()
    eventually("the meeting is finished", lambda: faulty.state(sitting) == "finished")
    faulty.assert_whole(sitting, faulty.undisturbed)


def test_a_client_that_vanishes_and_another_that_goes_on(faulty: Hall) -> None:
    sitting = faulty.create(main=faulty.clip)
    with pytest.raises(TimeoutError):
        asyncio.run(vanish(faulty, sitting))
    resume_sample = faulty.status(sitting).received_sample
    assert 0 < resume_sample < len(faulty.clip) // BYTES_PER_SAMPLE
    rest = Sitting(sitting.meeting_id, {"main": faulty.clip[resume_sample * BYTES_PER_SAMPLE :]})
    faulty.stream(rest, speed=8.0).result()
    sitting.views = rest.views
    faulty.assert_whole(sitting, faulty.undisturbed)


async def vanish(faulty: Hall, sitting: Sitting) -> None:
    """Stream until some of it is received, then be gone without a word."""
    track = LiveTrack(faulty.stack.api_url, sitting.meeting_id)
    async with asyncio.timeout(None) as patience:
        async for _ in track.stream(paced(from_memory(pcm_chunks(faulty.clip)), 2.0)):
            if track.received_sample > samples_of_s(5):
                patience.reschedule(asyncio.get_running_loop().time())
