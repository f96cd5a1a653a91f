"""Messages from worker to worker. Of those that ask for a meeting's summary only one waits, whoever asks how often."""

from __future__ import annotations

import logging
from collections.abc import Callable

from redis import Redis
from redis.exceptions import RedisError

from schema.core import queues

log = logging.getLogger(__name__)

Send = Callable[[str, list[str]], bool]
"""Enqueue a Celery task by name with its arguments. False when the broker did not take it."""

WAITS_MS = 30_000
"""A message that does not begin for so long, though nothing is in the queue before it, is taken for lost."""
BEGUN = "mb:summaries-begun"
"""How many summaries have begun so far: how far the queue has moved."""


class SummaryRequests:
    """Every worker that wants a summary asks here. Once a message has begun, the next one may be sent."""

    def __init__(self, redis: Redis, send: Send) -> None:
        self.redis = redis
        self.send = send

    def ask(self, meeting_id: str, interval_ms: int = 0) -> None:
        """Send for a summary, unless a message waits already or one was asked for less than *interval_ms* ago.

        Who cannot reach Redis goes on without: the sweep asks again.
        """
        try:
            if not interval_ms or self.redis.set(f"mb:asked:{interval_ms}:{meeting_id}", 1, nx=True, px=interval_ms):
                self._ask(meeting_id)
        except RedisError as error:
            log.warning("no summary asked for meeting %s: %s", meeting_id, error)

    def _ask(self, meeting_id: str) -> None:
        key = waits_key(meeting_id)
        with self.redis.pipeline(transaction=False) as look:
            look.llen(queues.SUMMARIZE_QUEUE)
            look.mget(BEGUN, key)
            waiting, (begun, place) = look.execute()
        if place is not None and waiting and int(begun or 0) < int(place):
            # Nobody serves the queue, or it is long: the message is still in it.
            self.redis.pexpire(key, WAITS_MS)
            return
        place = int(begun or 0) + waiting + 1
        if self.redis.set(key, place, nx=True, px=WAITS_MS) and not self.send(queues.SUMMARIZE, [meeting_id]):
            self.redis.delete(key)

    def begin(self, meeting_id: str) -> None:
        """A message for the meeting waits no longer: what is committed from here on needs another."""
        with self.redis.pipeline() as both:
            both.delete(waits_key(meeting_id))
            both.incr(BEGUN)
            both.execute()

    def retried(self, meeting_id: str) -> None:
        """Celery keeps a message that is tried again later; no other is needed until then."""
        try:
            self.redis.set(waits_key(meeting_id), 0, px=WAITS_MS)
        except RedisError as error:
            log.warning("a second summary may be asked for meeting %s: %s", meeting_id, error)


def waits_key(meeting_id: str) -> str:
    """Set while a message for the meeting waits; its value is the message's place, counted as `BEGUN` counts."""
    return f"mb:summary-waits:{meeting_id}"
