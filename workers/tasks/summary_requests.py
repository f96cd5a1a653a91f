"""Requests for summaries, sent from worker to worker. At most one request per meeting is queued."""

from __future__ import annotations

import logging
from collections.abc import Callable

from redis import Redis
from redis.exceptions import RedisError

from schema.core import queues

log = logging.getLogger(__name__)

Send = Callable[[str, list[str]], bool]
"""Enqueues a Celery task by name, with its arguments. Returns False when the broker does not accept it."""

WAITS_MS = 30_000
"""A request counts as lost if it does not start within this time although no other request is ahead of it."""
BEGUN = "mb:summaries-begun"
"""Key of the number of requests that have started. It shows how far the queue has moved."""


class SummaryRequests:
    """Sends requests for summaries. A new request for a meeting can be sent once the previous one has started."""

    def __init__(self, redis: Redis, send: Send) -> None:
        self.redis = redis
        self.send = send

    def ask(self, meeting_id: str, interval_ms: int = 0) -> None:
        """Request a summary, unless a request is queued or one was made less than *interval_ms* ago.

        If Redis is unreachable, the caller continues without the request. The sweep asks again.
        """
        try:
            if not interval_ms or self.redis.set(f"mb:asked:{interval_ms}:{meeting_id}", 1, nx=True, px=interval_ms):
                self._ask(meeting_id)
        except RedisError as error:
            log.warning("summary of meeting %s not requested: %s", meeting_id, error)

    def _ask(self, meeting_id: str) -> None:
        key = waits_key(meeting_id)
        with self.redis.pipeline(transaction=False) as look:
            look.llen(queues.SUMMARIZE_QUEUE)
            look.mget(BEGUN, key)
            waiting, (begun, place) = look.execute()
        if place is not None and waiting and int(begun or 0) < int(place):
            # The queue has not reached this request: it is long, or no worker serves it. The request is not lost.
            self.redis.pexpire(key, WAITS_MS)
            return
        place = int(begun or 0) + waiting + 1
        if self.redis.set(key, place, nx=True, px=WAITS_MS) and not self.send(queues.SUMMARIZE, [meeting_id]):
            self.redis.delete(key)

    def begin(self, meeting_id: str) -> None:
        """Record that a request has started. Text that is committed from now on needs another request."""
        with self.redis.pipeline() as both:
            both.delete(waits_key(meeting_id))
            both.incr(BEGUN)
            both.execute()

    def retried(self, meeting_id: str) -> None:
        """Record that Celery will retry the request, so no other is needed until then."""
        try:
            self.redis.set(waits_key(meeting_id), 0, px=WAITS_MS)
        except RedisError as error:
            log.warning("summary of meeting %s may be requested twice: %s", meeting_id, error)


def waits_key(meeting_id: str) -> str:
    """This key exists while a request for the meeting is queued. The request starts when `BEGUN` reaches its value."""
    return f"mb:summary-waits:{meeting_id}"
