"""Enqueues failed tasks again."""

from __future__ import annotations

from collections.abc import Sequence

from celery import Celery
from kombu.exceptions import OperationalError

from schema.core import queues
from schema.core.errors import Unavailable
from schema.meetings.tables import Failure

CONNECT_LIMIT_S = 5.0
QUEUE_OF = {
    queues.TRANSCRIBE: queues.TRANSCRIBE_QUEUE,
    queues.SWEEP: queues.TRANSCRIBE_QUEUE,
    queues.LISTEN: queues.SPEAKERS_QUEUE,
    queues.SUMMARIZE: queues.SUMMARIZE_QUEUE,
}
"""The queues of the tasks that can fail for good."""


def enqueue(broker_url: str, rows: Sequence[Failure]) -> None:
    """Enqueue the rows' tasks. Raises Unavailable if the broker refuses one; those before it are enqueued."""
    if not rows:
        return
    limits = {"socket_timeout": CONNECT_LIMIT_S, "socket_connect_timeout": CONNECT_LIMIT_S, "max_retries": 0}
    with Celery(broker=broker_url, set_as_current=False) as celery:
        celery.conf.broker_transport_options = limits
        for row in rows:
            queue = QUEUE_OF[row.task]
            try:
                celery.send_task(row.task, args=row.arguments, queue=queue, ignore_result=True, retry=False)
            except OperationalError as error:
                raise Unavailable(f"the broker cannot be reached ({error}); check MINUTEBOOK_REDIS_URL") from error
