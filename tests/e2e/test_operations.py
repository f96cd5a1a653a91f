"""What the person who runs it sees: workers online under load, answers at once, an end in good order."""

from __future__ import annotations

import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import psutil
import pytest
from celery import Celery

from schema.core.errors import MailboxMissing
from tests.hall import Hall, Sitting, eventually

pytestmark = pytest.mark.faults


@contextmanager
def load(whole: Hall) -> Iterator[list[Sitting]]:
    """Two meetings at once, faster than the workers of a small machine can follow."""
    whole.undisturbed  # noqa: B018
    sittings = [whole.create(main=whole.clip) for _ in range(2)]
    ended = [whole.stream(sitting, speed=10.0) for sitting in sittings]
    whole.wait_claimed(sittings[0])
    yield sittings
    for each in ended:
        each.result()
    for sitting in sittings:
        whole.assert_whole(sitting, whole.undisturbed)


def is_held(whole: Hall, sitting: Sitting) -> bool:
    """Whether a worker holds the meeting's track; one that is through has no mailbox any more."""
    try:
        return whole.status(sitting).lease_ms is not None
    except MailboxMissing:
        return False


def test_control_commands_are_answered_and_flower_sees_both_workers_online_under_load(whole: Hall) -> None:
    nodes = {f"{name}@{socket.gethostname()}" for name in ("transcribe", "summarize")}

    def online() -> set[str]:
        url = f"{whole.stack.addresses.flower_url}/workers?json=1"
        answer = httpx.get(url, trust_env=False, timeout=60)
        return {each["hostname"] for each in answer.json()["data"] if each["status"]}

    with load(whole), Celery(broker=whole.stack.redis_url, set_as_current=False) as app:
        answers = app.control.inspect(destination=list(nodes), timeout=30.0, limit=2).ping()
        assert set(answers) == nodes
        eventually("both workers are online", lambda: online() == nodes)


def test_a_worker_that_is_asked_to_end_finishes_its_step_first(whole: Hall) -> None:
    """SIGTERM in the middle of a step: it is committed, the track is given back, and nobody waits for a lease."""
    with load(whole) as sittings:
        pid = whole.stack.pid("transcribe")
        whole.stack.kill("transcribe", signal.SIGTERM)
        eventually("the worker has ended", lambda: not psutil.pid_exists(pid))
        assert not any(is_held(whole, sitting) for sitting in sittings)
