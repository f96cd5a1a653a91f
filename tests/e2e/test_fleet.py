"""Operators drain, restart, pause and kill real workers. What was accepted waits, and nothing is lost."""

from __future__ import annotations

import io
import itertools
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any, Self

import httpx
import numpy as np
import pytest
import soundfile
from redis import Redis

from deploy.supervisor import Stack
from schema.core import queues
from schema.core.units import SAMPLE_RATE_HZ
from schema.fleet.registry import LOST_AFTER_S
from tests.running_stack import RunningStack, StreamedMeeting
from tests.waiting import wait_until

pytestmark = pytest.mark.faults
PROCESSES = ("redis", "migrate", "api", "ingest", "beat")
INGEST, TRANSCRIBE = (f"{queue}@{socket.gethostname()}" for queue in ("ingest", "transcribe"))
_seeds = itertools.count()


class Operator:
    """Calls the routes for operators of a stack."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=f"{url}/v1", trust_env=False, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def fleet(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("workers").raise_for_status().json()
        return found

    def worker(self, name: str = INGEST) -> dict[str, Any] | None:
        return next((each for each in self.fleet()["workers"] if each["name"] == name), None)

    def ask(self, path: str) -> None:
        self.http.post(path).raise_for_status()

    def wait(self, what: str, holds: Callable[[dict[str, Any]], object], name: str = INGEST) -> dict[str, Any]:
        """Wait until *holds* is true of what the worker *name* says."""
        found = wait_until(f"{name} {what}", lambda: self.worker(name), lambda each: each is not None and holds(each))
        assert found is not None
        return found

    def wait_state(self, state: str, name: str = INGEST) -> dict[str, Any]:
        return self.wait(f"is {state}", lambda each: each["state"] == state, name)

    def upload(self) -> str:
        """Upload a recording that nobody has uploaded before. Returns the id of the upload."""
        recording = io.BytesIO()
        noise = np.random.default_rng(next(_seeds)).integers(-900, 900, 3 * SAMPLE_RATE_HZ, np.int16)
        soundfile.write(recording, noise, SAMPLE_RATE_HZ, format="WAV")
        files = {"file": ("noise.wav", recording.getvalue())}
        upload_id: str = self.http.post("uploads", files=files).raise_for_status().json()["id"]
        return upload_id

    def upload_state(self, upload_id: str) -> str:
        state: str = self.http.get(f"uploads/{upload_id}").raise_for_status().json()["state"]
        return state

    def wait_decoded(self, upload_id: str) -> None:
        wait_until("it is decoded", lambda: self.upload_state(upload_id), lambda state: state == "transcribing")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("fleet"), processes=PROCESSES) as stack:
        yield stack


@pytest.fixture
def operator(stack: Stack) -> Iterator[Operator]:
    with Operator(stack.api_url) as operator:
        operator.wait_state("running")
        yield operator


@pytest.fixture
def busy_operator(running: RunningStack) -> Iterator[Operator]:
    """For the stack with all workers."""
    with Operator(running.stack.api_url) as operator:
        operator.wait_state("running", TRANSCRIBE)
        yield operator


def test_a_drained_worker_takes_nothing_even_after_a_crash_until_resumed(stack: Stack, operator: Operator) -> None:
    operator.ask(f"workers/{INGEST}/drain")
    before = operator.wait_state("drained")
    upload = operator.upload()
    stack.kill("ingest")
    after = operator.wait("is back", lambda each: each["instance"] != before["instance"] and each["state"] == "drained")
    assert after["takes"] == []
    assert operator.upload_state(upload) == "queued"
    operator.ask(f"workers/{INGEST}/resume")
    operator.wait_decoded(upload)
    operator.wait("takes from its queue again", lambda each: each["takes"] == [queues.INGEST_QUEUE])


def test_a_paused_queue_stays_paused_over_a_restart_and_no_wake_ups_pile_up_in_it(
    stack: Stack, operator: Operator
) -> None:
    operator.ask("queues/ingest/pause")
    before = operator.wait("takes nothing", lambda each: not each["takes"])
    operator.ask(f"workers/{INGEST}/restart")
    operator.wait("is another one", lambda each: each["instance"] != before["instance"] and each["processes"])
    upload = operator.upload()
    with Redis.from_url(stack.redis_url) as redis:
        waiting = redis.llen(queues.INGEST_QUEUE)
        seen = redis.time()[0]
        wait_until("beat had time to wake it", lambda: redis.time()[0], lambda now: now >= seen + 4)
        # The message of the upload itself may come late. Beat would have sent four.
        assert redis.llen(queues.INGEST_QUEUE) <= waiting + 1
    worker = operator.worker()
    assert worker is not None
    assert worker["takes"] == []
    assert operator.upload_state(upload) == "queued"
    operator.ask("queues/ingest/resume")
    operator.wait_decoded(upload)


def test_a_worker_that_was_asked_to_restart_twice_restarts_once(stack: Stack, operator: Operator) -> None:
    before = operator.wait_state("running")
    for _ in range(2):
        operator.ask(f"workers/{INGEST}/restart")
    after = operator.wait("is another one", lambda each: each["instance"] != before["instance"])
    seen = operator.wait("goes on", lambda each: each["seen_s"] < 1 and each["state"] == "running")
    assert seen["instance"] == after["instance"]
    log = (stack.data_dir / "log" / "ingest.log").read_text()
    assert "Traceback" not in log
    assert "status 0" in log


def test_a_worker_that_hangs_is_lost_until_it_goes_on(stack: Stack, operator: Operator) -> None:
    pid = stack.pid("ingest")
    os.kill(pid, signal.SIGSTOP)
    try:
        lost = operator.wait_state("lost")
        assert lost["seen_s"] >= LOST_AFTER_S
    finally:
        os.kill(pid, signal.SIGCONT)
    assert operator.wait_state("running")["instance"] == lost["instance"]


def test_a_worker_that_ends_in_order_is_shown_no_more(stack: Stack, operator: Operator) -> None:
    stack.stop_process("ingest")
    assert operator.worker() is None
    stack.start_process("ingest")
    operator.wait_state("running")


def test_a_process_that_was_killed_is_replaced_and_the_worker_says_why(stack: Stack, operator: Operator) -> None:
    (before,) = operator.wait_state("running")["processes"]
    os.kill(before["pid"], signal.SIGKILL)
    after = operator.wait(
        "has a new process", lambda each: each["processes"][0]["pid"] != before["pid"] and each["state"] == "running"
    )
    assert after["processes"][0]["place"] == before["place"]
    assert "SIGKILL" in after["last_error"]["text"]


def test_a_busy_worker_shows_its_meeting_its_model_and_its_pace(running: RunningStack, busy_operator: Operator) -> None:
    meeting = running.create(main=running.clip)
    running.start_streaming(meeting, speed=2.0)
    running.wait_until_claimed(meeting)
    assert meeting.meeting_id in [each["meeting_id"] for each in busy_operator.fleet()["meetings"]]
    busy = busy_operator.wait(
        "works on the meeting",
        lambda each: any(meeting.meeting_id in process["meetings"] for process in each["processes"]),
        TRANSCRIBE,
    )
    assert queues.TRANSCRIBE in [process["task"] for process in busy["processes"]]
    assert [model["model"] for model in busy["models"]] == ["package:tiny.en"]
    assert busy["models"][0]["precision"] != "auto"
    found = busy_operator.wait("has a pace", lambda each: each["averages"]["step_windows"], TRANSCRIBE)
    assert found["averages"]["step_s"] > 0
    assert found["resident_bytes"] > 100e6
    running.wait_until_streamed(meeting)
    assert busy_operator.fleet()["flower_url"] == running.stack.addresses.flower_url


def test_nothing_of_a_meeting_is_lost_while_its_queues_are_paused_and_its_worker_restarts(
    running: RunningStack, busy_operator: Operator
) -> None:
    expected = running.undisturbed_transcript

    def disturb(meeting: StreamedMeeting) -> None:
        running.wait_until_claimed(meeting)
        for queue in (queues.TRANSCRIBE_QUEUE, queues.SUMMARIZE_QUEUE):
            busy_operator.ask(f"queues/{queue}/pause")
        before = busy_operator.wait("takes nothing", lambda each: not each["takes"], TRANSCRIBE)
        busy_operator.ask(f"workers/{TRANSCRIBE}/restart")
        busy_operator.wait(
            "is another one",
            lambda each: each["instance"] != before["instance"] and each["state"] == "running",
            TRANSCRIBE,
        )
        for queue in (queues.TRANSCRIBE_QUEUE, queues.SUMMARIZE_QUEUE):
            busy_operator.ask(f"queues/{queue}/resume")

    running.assert_complete(running.stream(running.clip, disturb), expected)
