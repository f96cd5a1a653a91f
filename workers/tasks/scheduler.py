"""Beat's scheduler: Celery's own, with two differences.

A Redis that is away is one line in the log, not a traceback for each task. And nothing is sent to a queue that is
paused, or that nobody has served for long: wake-ups would pile up in it.
"""

from __future__ import annotations

import logging
from functools import cached_property
from typing import Any

from celery.beat import PersistentScheduler, ScheduleEntry
from celery.exceptions import OperationalError
from redis import Redis
from redis.exceptions import RedisError

from schema.core.queues import queue_length
from schema.fleet.orders import paused_queues

log = logging.getLogger(__name__)


QUEUE_LIMIT = 5000
"""More messages than a worker that is only busy leaves in its queue."""
ANSWER_LIMIT_S = 5.0


class Scheduler(PersistentScheduler):  # type: ignore[misc]  # Celery is untyped.
    def apply_entry(self, entry: ScheduleEntry, producer: Any = None) -> None:
        """Send the task of *entry*. An error never ends beat, which sends the task again when it is next due."""
        try:
            if self._is_taken(str(self.app.conf.task_routes[entry.task]["queue"])):
                self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:
            # Celery wraps it in an error of its own.
            cause = error if isinstance(error, RedisError) else error.__context__ or error
            if isinstance(cause, OperationalError | RedisError):
                # Without the name of the task, so that the messages of all tasks are of one kind; see `repeats`.
                reason = str(cause).rstrip(".")
                log.error("tasks cannot be sent (%s); check that Redis runs, beat goes on when it answers", reason)
            else:
                log.exception("the task %s cannot be sent", entry.name)

    @cached_property
    def _redis(self) -> Redis:
        url = self.app.conf.broker_url
        return Redis.from_url(url, socket_timeout=ANSWER_LIMIT_S, socket_connect_timeout=ANSWER_LIMIT_S)

    def _is_taken(self, queue: str) -> bool:
        """Whether somebody takes messages from *queue*."""
        return queue not in paused_queues(self._redis) and queue_length(self._redis, queue).waiting < QUEUE_LIMIT
