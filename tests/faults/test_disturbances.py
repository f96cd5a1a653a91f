"""Disturbances that kill no process: the meeting is complete nevertheless."""

from __future__ import annotations

import asyncio
import time

import httpx
import pytest

from api.client.audio_source import pcm_chunks
from api.client.live import LiveTrack
from api.client.pace import from_memory, paced
from schema.core.queues import TRANSCRIBE_QUEUE
from schema.core.units import BYTES_PER_SAMPLE, samples_of_s
from tests.faults.disturbances import is_held_by, is_locked, paused, wait_until_overtaken
from tests.running_stack import RunningStack, StreamedMeeting
from tests.waiting import wait_until

pytestmark = pytest.mark.faults
PAUSES = 20


def test_a_meeting_is_complete_when_a_paused_worker_resumes_after_another_took_its_track(running: RunningStack) -> None:

    def disturb(meeting: StreamedMeeting) -> None:
        for _ in range(PAUSES):
            with paused(running.wait_until_claimed(meeting)) as pid:
                track_id = running.track_id(meeting)
                if is_held_by(running.mailbox, track_id, pid) and not is_locked(running.database):
                    wait_until_overtaken(running.mailbox, track_id)
                    return
        pytest.fail(f"paused {PAUSES} times, but never in the middle of a step without SQLite's lock")

    running.assert_complete(running.stream(running.clip, disturb), running.undisturbed_transcript)


def test_a_meeting_is_complete_when_wake_ups_are_lost(running: RunningStack) -> None:
    def disturb(meeting: StreamedMeeting) -> None:
        for _ in range(100):
            running.redis.delete(TRANSCRIBE_QUEUE)
            time.sleep(0.02)

    running.assert_complete(running.stream(running.clip, disturb), running.undisturbed_transcript)


def test_audio_sent_ten_times_is_transcribed_once(running: RunningStack) -> None:
    meeting = running.create(main=running.clip)
    url = f"{running.stack.api_url}/v1/meetings/{meeting.meeting_id}"
    with httpx.Client(trust_env=False, timeout=60) as client:
        size = samples_of_s(1) * BYTES_PER_SAMPLE
        for at in range(0, len(running.clip), size):
            piece = running.clip[at : at + size]
            for _ in range(10):
                answer = client.post(f"{url}/audio", params={"first_sample": at // BYTES_PER_SAMPLE}, content=piece)
                assert answer.json()["received_sample"] == (at + len(piece)) // BYTES_PER_SAMPLE
        client.post(f"{url}/finish").raise_for_status()
    wait_until("the meeting is finished", lambda: running.state(meeting), lambda state: state == "finished")
    running.assert_complete(meeting, running.undisturbed_transcript)


def test_a_meeting_is_complete_when_a_second_client_continues_for_one_that_vanished(running: RunningStack) -> None:
    meeting = running.create(main=running.clip)
    with pytest.raises(TimeoutError):
        asyncio.run(stream_and_vanish(running, meeting))
    resume_sample = running.status(meeting).received_sample
    assert 0 < resume_sample < len(running.clip) // BYTES_PER_SAMPLE
    rest = StreamedMeeting(meeting.meeting_id, {"main": running.clip[resume_sample * BYTES_PER_SAMPLE :]})
    running.start_streaming(rest, speed=8.0)
    running.wait_until_streamed(rest)
    meeting.views = rest.views
    running.assert_complete(meeting, running.undisturbed_transcript)


async def stream_and_vanish(running: RunningStack, meeting: StreamedMeeting) -> None:
    """Stream until five seconds are received, then disconnect without closing the track."""
    track = LiveTrack(running.stack.api_url, meeting.meeting_id)
    async with asyncio.timeout(None) as patience:
        async for _ in track.stream(paced(from_memory(pcm_chunks(running.clip)), 2.0)):
            if track.received_sample > samples_of_s(5):
                patience.reschedule(asyncio.get_running_loop().time())
