"""Monitors see tasks that found work, with their meetings, and no idle wake-ups. Log lines name the meeting."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from celery import Celery

from tests.waiting import wait_until
from workers.tasks.monitoring import SHOWN_LIMIT, WakeUp, name_meetings_in_logs, report_work


@pytest.fixture
def celery(valkey_url: str) -> Iterator[Celery]:
    with Celery("monitored", broker=valkey_url, set_as_current=False) as app:
        yield app


@contextmanager
def events(celery: Celery) -> Iterator[list[dict[str, Any]]]:
    """The task events that arrive on the broker. Events of the test itself mark the first and the last one."""
    seen: list[dict[str, Any]] = []

    def kinds() -> set[str]:
        return {each["type"] for each in seen}

    def capture() -> None:
        with celery.connection() as connection:
            receiver = celery.events.Receiver(connection, handlers={"*": seen.append})
            for _ in receiver.itercapture(limit=None, timeout=None, wakeup=False):
                if "test-ended" in kinds():
                    return

    def began() -> set[str]:
        dispatcher.send("test-began")
        return kinds()

    thread = threading.Thread(target=capture)
    thread.start()
    tasks: list[dict[str, Any]] = []
    with celery.events.default_dispatcher() as dispatcher:
        wait_until("the monitor listens", began, bool)
        yield tasks
        dispatcher.send("test-ended")
    thread.join()
    tasks += [each for each in seen if each["type"].startswith("task-")]


def wake_up(celery: Celery, meetings: list[str], error: Exception | None = None) -> None:
    """Run a wake-up in this process. It reports *meetings*, one after another, then raises *error*."""

    @celery.task(base=WakeUp, name="minutebook.wake")  # type: ignore[untyped-decorator]
    def wake() -> None:
        for meeting in meetings:
            report_work([meeting])
        if error is not None:
            raise error

    wake.apply()


def test_an_idle_wake_up_is_not_shown(celery: Celery) -> None:
    with events(celery) as seen:
        wake_up(celery, [])
    assert seen == []


def test_a_wake_up_with_work_is_shown_with_its_meetings(celery: Celery) -> None:
    with events(celery) as seen:
        wake_up(celery, ["first", "second", "first"])
    assert [each["type"] for each in seen] == ["task-received", "task-started", "task-succeeded"]
    assert (seen[0]["name"], seen[0]["args"]) == ("minutebook.wake", "first")
    assert seen[2]["result"] == "first, second"
    assert seen[2]["runtime"] >= 0
    assert len({each["uuid"] for each in seen}) == 1


def test_a_wake_up_that_fails_is_shown_with_its_error(celery: Celery) -> None:
    with events(celery) as seen:
        wake_up(celery, [], ValueError("no disk"))
    assert [each["type"] for each in seen] == ["task-received", "task-started", "task-failed"]
    assert seen[2]["exception"] == "ValueError('no disk')"
    assert "no disk" in seen[2]["traceback"]


def test_only_some_of_very_many_meetings_are_shown(celery: Celery) -> None:
    with events(celery) as seen:
        wake_up(celery, [f"m{number}" for number in range(SHOWN_LIMIT + 3)])
    assert seen[-1]["result"].endswith(f"m{SHOWN_LIMIT - 1} and 3 more")


def test_work_goes_on_when_the_broker_of_the_monitor_is_away() -> None:
    with Celery("alone", broker="redis://127.0.0.1:1/0", set_as_current=False) as celery:
        wake_up(celery, ["first"])


def test_work_outside_a_task_is_not_shown() -> None:
    report_work(["first"])


def test_celerys_line_about_a_failed_task_names_the_meeting(celery: Celery, caplog: pytest.LogCaptureFixture) -> None:
    name_meetings_in_logs()
    name_meetings_in_logs()

    @celery.task(name="minutebook.summary")  # type: ignore[untyped-decorator]
    def summary(_meeting_id: str) -> None:
        raise ValueError("no model")

    with caplog.at_level(logging.ERROR, logger="celery.app.trace"):
        summary.apply(["3f2a"])
    assert "] ('3f2a',) raised unexpected" in caplog.text or "] ['3f2a'] raised unexpected" in caplog.text
    assert caplog.text.count("3f2a") == 1
