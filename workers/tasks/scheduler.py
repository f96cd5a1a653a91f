"""Beat's scheduler: Celery's own, but a Redis that is away is one line in the log, not a traceback for each task."""

from __future__ import annotations

import logging
from typing import Any

from celery.beat import PersistentScheduler, ScheduleEntry
from celery.exceptions import OperationalError
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


class Scheduler(PersistentScheduler):  # type: ignore[misc]  # Celery is untyped.
    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send the task of *entry*. An error never ends beat, which sends the task again when it is next due."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:
            cause = error.__context__ or error  # Celery wraps it in an error of its own
            if isinstance(cause, OperationalError | RedisError):
                # Without the name of the task, so that the messages of all tasks are of one kind; see `repeats`.
                reason = str(cause).rstrip(".")
                log.error("tasks cannot be sent (%s); check that Redis runs, beat goes on when it answers", reason)
            else:
                log.exception("the task %s cannot be sent", entry.name)
