"""What monitors such as Flower, and Celery's own log lines, tell about tasks: the meetings that they worked on."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from traceback import format_exception
from typing import Any

from celery import Task, current_task, states
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from workers.fleet.board import begin_work, end_work

log = logging.getLogger(__name__)

SHOWN_LIMIT = 20
"""The most meetings that are shown for one task."""
CELERY_LOGGERS = ("celery.app.trace", "celery.worker.strategy")


class WakeUp(Task):  # type: ignore[misc]  # Celery is untyped.
    """A task that beat sends every few seconds. It becomes visible when it reports work, or fails.

    Celery itself would show each wake-up. The idle ones, one a second in each queue, would bury the others.
    """

    abstract = True
    send_events = False

    def show(self, meetings: Iterable[str]) -> None:
        """Show the task as started, with *meetings* as its arguments. Later meetings are shown in its result."""
        meetings = list(meetings)
        begin_work(self.name, meetings)
        worked_on = self.request.get("worked_on")
        if worked_on is None:
            worked_on = self.request.worked_on = dict.fromkeys(meetings)
            self.request.shown_at_s = time.monotonic()
            self._tell("task-received", name=self.name, args=_shown(worked_on), kwargs="{}", retries=0)
            self._tell("task-started")
        else:
            worked_on.update(dict.fromkeys(meetings))

    def after_return(self, status: str, retval: Any, _id: str, _args: Any, _kwargs: Any, _info: Any) -> None:
        if status == states.FAILURE:
            self.show(())
            self._tell("task-failed", exception=repr(retval), traceback="".join(format_exception(retval)))
        elif self.request.get("worked_on") is not None:
            runtime_s = time.monotonic() - self.request.shown_at_s
            self._tell("task-succeeded", result=_shown(self.request.worked_on), runtime=runtime_s)
        if self.request.get("worked_on") is not None:
            end_work()

    def _tell(self, kind: str, **facts: Any) -> None:
        try:
            self.send_event(kind, retry=False, **facts)
        except (OperationalError, RedisError) as error:  # The work counts, not what a monitor shows of it.
            log.debug("%s was not sent: %s", kind, error)


def report_work(meetings: Iterable[str]) -> None:
    """Show the task that runs in this process with *meetings*. Does nothing outside a task."""
    task = current_task._get_current_object() if current_task else None
    if isinstance(task, WakeUp):
        task.show(meetings)


def facts_of_task() -> dict[str, Any]:
    """The name, id, worker and meetings of the task that runs in this process, for logs. Empty outside a task."""
    task = current_task._get_current_object() if current_task else None
    if task is None:
        return {}
    request = task.request
    # A wake-up notes what it works on; the other tasks have a meeting as their argument.
    meetings = list(request.get("worked_on") or ()) if isinstance(task, WakeUp) else list(request.args or ())
    facts = {"task": task.name, "task_id": request.id, "worker": request.hostname, "meetings": meetings[:SHOWN_LIMIT]}
    return {name: fact for name, fact in facts.items() if fact}


def _shown(meetings: Iterable[str]) -> str:
    """`3f2a…, 91bc… and 4 more`, as Flower shows it."""
    names = list(meetings)
    more = f" and {len(names) - SHOWN_LIMIT} more" if len(names) > SHOWN_LIMIT else ""
    return ", ".join(names[:SHOWN_LIMIT]) + more


class WithArguments(logging.Filter):
    """Adds the arguments of a task, such as the meeting's id, to Celery's lines about it."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, dict) and "args" in record.args and isinstance(record.msg, str):
            record.msg = record.msg.replace("[%(id)s]", "[%(id)s] %(args)s")
        return True


def name_meetings_in_logs() -> None:
    """Make Celery's log lines about tasks name their arguments. May be called twice."""
    for name in CELERY_LOGGERS:
        logger = logging.getLogger(name)
        if not any(isinstance(each, WithArguments) for each in logger.filters):
            logger.addFilter(WithArguments())
