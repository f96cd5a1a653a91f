"""Operation under load: workers stay online, control commands are answered, and a stopped worker ends cleanly."""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from celery import Celery
from sqlalchemy import select

from deploy.datadir import FLOWER_USER
from deploy.flower import password_of
from deploy.supervisor import Stack
from schema.core.database import Database
from schema.core.errors import MailboxMissing
from schema.core.queues import DELIVER, INGEST_QUEUE, SUMMARIZE_QUEUE, TRANSCRIBE_QUEUE
from schema.core.settings import Settings
from schema.core.states import DeliveryState
from schema.webhooks.outbox import Delivery
from tests.running_stack import RunningStack, StreamedMeeting
from tests.waiting import wait_until
from tests.workers.webhooks.conftest import SECRET, add_webhook, tell
from tests.workers.webhooks.receiver import receiving

pytestmark = pytest.mark.faults


@contextmanager
def load(running: RunningStack) -> Iterator[list[StreamedMeeting]]:
    """Two meetings at once, faster than the workers of a small machine can transcribe. Both must end complete."""
    expected_text = running.undisturbed_transcript
    meetings = [running.create(main=running.clip) for _ in range(2)]
    for meeting in meetings:
        running.start_streaming(meeting, speed=10.0)
    running.wait_until_claimed(meetings[0])
    yield meetings
    for meeting in meetings:
        running.wait_until_streamed(meeting)
    for meeting in meetings:
        running.assert_complete(meeting, expected_text)


def is_held(running: RunningStack, meeting: StreamedMeeting) -> bool:
    """Whether a worker holds the meeting's track. The mailbox of a finished meeting is gone."""
    try:
        return running.status(meeting).lease_ms is not None
    except MailboxMissing:
        return False


def test_under_load_workers_answer_control_commands_and_flower_shows_all_online(running: RunningStack) -> None:
    nodes = {f"{name}@{socket.gethostname()}" for name in (TRANSCRIBE_QUEUE, SUMMARIZE_QUEUE, INGEST_QUEUE)}

    def online_workers() -> set[str]:
        return {each["hostname"] for each in flower(running, "workers?json=1")["data"] if each["status"]}

    with load(running), Celery(broker=running.stack.redis_url, set_as_current=False) as app:
        answers = app.control.inspect(destination=list(nodes), timeout=30.0, limit=len(nodes)).ping()
        assert set(answers) == nodes
        wait_until("Flower shows all workers online", online_workers, lambda online: online == nodes)


def test_flower_shows_how_much_waits_in_every_queue(running: RunningStack) -> None:
    def shown() -> dict[str, int]:
        return {each["name"]: each["messages"] for each in flower(running, "api/queues/length")["active_queues"]}

    served = {TRANSCRIBE_QUEUE, SUMMARIZE_QUEUE, INGEST_QUEUE}
    lengths = wait_until("Flower knows every queue", shown, lambda lengths: served <= set(lengths))
    assert all(length >= 0 for length in lengths.values())


def flower(running: RunningStack, path: str) -> Any:
    """What Flower answers to somebody who has the password."""
    login = FLOWER_USER, password_of(Settings(data_dir=running.stack.data_dir))
    answer = httpx.get(f"{running.stack.addresses.flower_url}/{path}", auth=login, trust_env=False, timeout=60)
    answer.raise_for_status()
    return answer.json()


def test_a_worker_stopped_by_sigterm_finishes_its_step_and_releases_its_tracks(running: RunningStack) -> None:
    """Its tracks are free at once, so no other worker has to wait for the end of a lease."""
    with load(running) as meetings:
        pid = running.stack.pid("transcribe")
        running.stack.kill("transcribe", signal.SIGTERM)
        wait_until("the worker has ended", lambda: psutil.pid_exists(pid), lambda exists: not exists)
        assert not any(is_held(running, meeting) for meeting in meetings)


PROCESSES = ("redis", "migrate", "ingest", "beat")


def test_a_message_is_delivered_after_its_receiver_failed_once_and_the_secret_is_not_logged(tmp_path: Path) -> None:
    environment = {
        "MINUTEBOOK_WEBHOOK_PRIVATE": "1",
        "MINUTEBOOK_LOG_FORMAT": "json",
        "MINUTEBOOK_LOG_LEVEL": "INFO",
    }
    with receiving() as receiver, Stack(tmp_path / "stack", processes=PROCESSES, environment=environment) as stack:
        receiver.answers = [500, 204]
        database = Database(Settings(data_dir=stack.data_dir).sql_url)

        def delivery_state() -> str:
            with database.read() as session:
                return session.scalars(select(Delivery.state)).one()

        add_webhook(database, receiver.url())
        tell(database)
        wait_until("the message is delivered", delivery_state, lambda state: state == DeliveryState.DELIVERED)
        database.close()
    first, second = receiver.requests
    assert first.verified(SECRET) == second.verified(SECRET)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    logs = [path.read_text() for path in (tmp_path / "stack" / "log").iterdir()]
    assert SECRET not in "".join(logs)
    lines = [json.loads(line) for log in logs for line in log.splitlines()]
    assert {line["process"] for line in lines} >= {*PROCESSES, "stack"}
    assert DELIVER in {line.get("task") for line in lines}
