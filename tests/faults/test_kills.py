"""kill -9 of every process of a running stack in the middle of its work: the meeting comes through whole."""

from __future__ import annotations

import os
import signal

import psutil
import pytest

from schema.core.states import MeetingState
from tests.hall import Hall, Sitting, eventually

pytestmark = pytest.mark.faults


def test_a_transcribe_process_killed_in_the_middle_of_a_batch(faulty: Hall) -> None:
    killed: list[int] = []

    def disturb(sitting: Sitting) -> None:
        killed.append(faulty.wait_claimed(sitting))
        os.kill(killed[0], signal.SIGKILL)

    sitting = faulty.hold(faulty.clip, disturb)
    assert not psutil.pid_exists(killed[0])
    faulty.assert_whole(sitting, faulty.undisturbed)


def test_the_whole_transcribe_worker_killed_in_the_middle_of_a_batch(faulty: Hall) -> None:
    def disturb(sitting: Sitting) -> None:
        faulty.wait_claimed(sitting)
        faulty.stack.kill("transcribe")

    faulty.assert_whole(faulty.hold(faulty.clip, disturb), faulty.undisturbed)


def test_a_summarise_worker_killed_while_it_writes_the_final_minutes(faulty: Hall) -> None:
    def disturb(sitting: Sitting) -> None:
        def is_writing() -> bool:
            held = faulty.redis.exists(f"mb:summarizing:{sitting.meeting_id}")
            return bool(held) and faulty.state(sitting) == MeetingState.SUMMARIZING

        eventually("the final minutes are being written", is_writing)
        faulty.stack.kill("summarize")

    faulty.assert_whole(faulty.hold(faulty.clip, disturb), faulty.undisturbed)


def test_an_api_killed_with_open_sockets(faulty: Hall) -> None:
    def disturb(sitting: Sitting) -> None:
        faulty.wait_claimed(sitting)
        faulty.stack.kill("api")

    sitting = faulty.hold(faulty.clip, disturb)
    assert sitting.reconnects > 0
    faulty.assert_whole(sitting, faulty.undisturbed)


def test_a_queue_server_killed_while_everybody_uses_it(faulty: Hall) -> None:
    def disturb(sitting: Sitting) -> None:
        faulty.wait_claimed(sitting)
        faulty.stack.kill("redis")

    faulty.assert_whole(faulty.hold(faulty.clip, disturb), faulty.undisturbed)


def test_a_queue_server_that_loses_all_it_had(faulty: Hall) -> None:
    """Mailboxes, messages, Celery's own bookkeeping: all is opened again from the database, the client sends again."""

    def disturb(sitting: Sitting) -> None:
        faulty.wait_claimed(sitting)
        faulty.redis.flushall()

    faulty.assert_whole(faulty.hold(faulty.clip, disturb, speed=3.0), faulty.undisturbed)


def test_everything_killed_at_once(faulty: Hall) -> None:
    def disturb(sitting: Sitting) -> None:
        faulty.wait_claimed(sitting)
        faulty.stack.kill_all()

    faulty.assert_whole(faulty.hold(faulty.clip, disturb), faulty.undisturbed)
