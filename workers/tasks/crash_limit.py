"""Limits how often the same work may kill its process: out of memory, or at Celery's hard time limit.

A killed process cannot book its failure. So each attempt is counted before it starts, and the count is deleted when the
attempt ends in any other way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis

from schema.core.errors import WorkerLost

FORGET_MS = 24 * 3600 * 1000
"""Crashes that are a day apart are unrelated."""


@contextmanager
def count_crashes(redis: Redis, meeting_id: str, limit: int) -> Iterator[None]:
    """Run one bounded piece of work on a meeting's summary, and count the crashes of its process.

    After *limit* crashes in a row this raises WorkerLost instead of running the work, and resets the count.
    """
    key = f"mb:summary-deaths:{meeting_id}"
    with redis.pipeline() as both:
        both.incr(key)
        both.pexpire(key, FORGET_MS)
        crashes = both.execute()[0] - 1
    if crashes >= limit:
        redis.delete(key)
        raise WorkerLost(
            f"the worker died {crashes} times in a row on the same part of meeting '{meeting_id}': it was killed, ran "
            "out of memory or exceeded its time limit. Check its log, then run 'minutebook failures replay'",
            attempts=crashes,
        )
    try:
        yield
    except Exception:  # The process is alive, so Celery can retry and book the failure.
        redis.delete(key)
        raise
    redis.delete(key)
