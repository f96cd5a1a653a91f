"""Work that its process does not survive: killed for its memory, or at Celery's hard time limit.

Nobody is left to book such a failure, so an attempt is counted before it begins, as the mailbox counts claims.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis

from schema.core.errors import WorkerLost

FORGET_MS = 24 * 3600 * 1000
"""Deaths a day apart have nothing to do with each other."""


@contextmanager
def count_crashes(redis: Redis, meeting_id: str, limit: int) -> Iterator[None]:
    """One bounded piece of work on a meeting's summary; it may end with a dead process *limit* times in a row.

    Raises WorkerLost instead of trying once more, and counts from nothing afterwards.
    """
    key = f"mb:summary-deaths:{meeting_id}"
    with redis.pipeline() as both:
        both.incr(key)
        both.pexpire(key, FORGET_MS)
        crashes = both.execute()[0] - 1
    if crashes >= limit:
        redis.delete(key)
        raise WorkerLost(
            f"the worker died {crashes} times in a row over the same part of meeting '{meeting_id}': killed, out of "
            "memory or past its time limit. Look into its log, then run 'minutebook failures replay'",
            attempts=crashes,
        )
    try:
        yield
    except Exception:  # the process lives: Celery tries again, and books it
        redis.delete(key)
        raise
    redis.delete(key)
