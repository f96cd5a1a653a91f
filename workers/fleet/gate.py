"""The gate of a worker: from which of its queues it takes messages. A part of Celery's consumer."""

from __future__ import annotations

import logging
from typing import Any

from celery.bootsteps import StartStopStep
from celery.worker.consumer.tasks import Tasks
from redis import Redis

from schema.core import queues
from schema.core.settings import settings
from schema.fleet.orders import read_orders

log = logging.getLogger(__name__)

ANSWER_LIMIT_S = 5.0


def open_redis() -> Redis:
    return Redis.from_url(settings().redis_url, socket_timeout=ANSWER_LIMIT_S, socket_connect_timeout=ANSWER_LIMIT_S)


def own_queues(app: Any) -> tuple[str, ...]:
    """The queues that this worker was started for."""
    return tuple(name for name in queues.ALL_QUEUES if name in app.amqp.queues.consume_from)


class Gate(StartStopStep):  # type: ignore[misc]  # Celery is untyped.
    """Closes queues before the worker takes its first message, and again after each new connection.

    The queues stay selected in Celery's own list. A process of the pool looks there to know which models it needs.
    """

    requires = (Tasks,)

    def __init__(self, consumer: Any, **options: Any) -> None:
        super().__init__(consumer, **options)
        self._closed: frozenset[str] = frozenset()
        consumer.gate = self

    def start(self, consumer: Any) -> None:
        """An error of Redis goes on to Celery, which connects again."""
        self._closed = frozenset()
        with open_redis() as redis:
            self.close_only(consumer, read_orders(redis, consumer.hostname).closed(own_queues(consumer.app)))

    def close_only(self, consumer: Any, closed: frozenset[str]) -> None:
        """Close exactly the queues *closed*. To be called in the thread of the consumer.

        It changes only what it has changed itself, so that it does not undo what somebody does by Flower.
        """
        taker = consumer.task_consumer
        if taker is None:  # the connection is being made again, and `start` follows
            return
        for queue in sorted(closed - self._closed):
            log.warning("no more messages are taken from the queue %s", queue)
            taker.cancel_by_queue(queue)
        opened = sorted(self._closed - closed)
        for queue in opened:
            log.warning("messages are taken from the queue %s again", queue)
            taker.add_queue(consumer.app.amqp.queues[queue])
        if opened:
            taker.consume()
        self._closed = closed


def taken_queues(consumer: Any, queues: tuple[str, ...]) -> list[str]:
    """Those of *queues* from which the worker takes messages at the moment."""
    taker = getattr(consumer, "task_consumer", None)
    return [] if taker is None else [queue for queue in queues if taker.consuming_from(queue)]
