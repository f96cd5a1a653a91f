"""kill -9 of each process of a running stack in the middle of its work: the meeting is complete nevertheless."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from schema.core.states import MeetingState
from tests.running_stack import RunningStack, StreamedMeeting
from tests.waiting import wait_until

pytestmark = pytest.mark.faults


def test_a_meeting_is_complete_when_a_transcribe_pool_process_is_killed(running: RunningStack) -> None:
    killed: list[int] = []

    def disturb(meeting: StreamedMeeting) -> None:
        killed.append(running.wait_until_claimed(meeting))
        os.kill(killed[0], signal.SIGKILL)

    meeting = running.stream(running.clip, disturb)
    assert not psutil.pid_exists(killed[0])
    running.assert_complete(meeting, running.undisturbed_transcript)


def test_a_meeting_is_complete_when_the_transcribe_worker_is_killed(running: RunningStack) -> None:
    def disturb(meeting: StreamedMeeting) -> None:
        running.wait_until_claimed(meeting)
        running.stack.kill("transcribe")

    running.assert_complete(running.stream(running.clip, disturb), running.undisturbed_transcript)


def test_a_meeting_is_complete_when_the_summarize_worker_is_killed_during_the_final_minutes(
    running: RunningStack,
) -> None:
    def disturb(meeting: StreamedMeeting) -> None:
        def look() -> tuple[bool, MeetingState]:
            return bool(running.redis.exists(f"mb:summarizing:{meeting.meeting_id}")), running.state(meeting)

        wait_until(
            "the final minutes are being written (lease of the summarizer, state)",
            look,
            lambda seen: seen == (True, MeetingState.SUMMARIZING),
        )
        running.stack.kill("summarize")

    running.assert_complete(running.stream(running.clip, disturb), running.undisturbed_transcript)


def test_clients_reconnect_and_the_meeting_is_complete_when_the_api_is_killed(running: RunningStack) -> None:
    def disturb(meeting: StreamedMeeting) -> None:
        running.wait_until_claimed(meeting)
        running.stack.kill("api")

    meeting = running.stream(running.clip, disturb)
    assert meeting.reconnects > 0
    running.assert_complete(meeting, running.undisturbed_transcript)


def test_a_meeting_is_complete_when_the_queue_server_is_killed(running: RunningStack) -> None:
    def disturb(meeting: StreamedMeeting) -> None:
        running.wait_until_claimed(meeting)
        running.stack.kill("redis")

    running.assert_complete(running.stream(running.clip, disturb), running.undisturbed_transcript)


def test_a_meeting_is_complete_when_the_queue_server_loses_all_its_data(running: RunningStack) -> None:
    """Mailboxes, messages and Celery's own data are set up again from the database, and the client resends."""

    def disturb(meeting: StreamedMeeting) -> None:
        running.wait_until_claimed(meeting)
        running.redis.flushall()

    running.assert_complete(running.stream(running.clip, disturb, speed=3.0), running.undisturbed_transcript)


def test_a_meeting_is_complete_when_every_process_is_killed_at_once(running: RunningStack) -> None:
    def disturb(meeting: StreamedMeeting) -> None:
        running.wait_until_claimed(meeting)
        running.stack.kill_all()

    running.assert_complete(running.stream(running.clip, disturb), running.undisturbed_transcript)
