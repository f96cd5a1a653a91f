"""Keeps other workers away from a meeting while a worker writes its minutes.

A hold only saves work: conditions in SQL settle races. A chat model may need minutes for one answer, so a thread renews
the hold. It dies with its process, and then another worker gets the meeting after HOLD_MS.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from redis import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)

HOLD_MS = 30_000


@contextmanager
def held(redis: Redis, meeting_id: str, name: str, hold_ms: int = HOLD_MS) -> Iterator[bool]:
    """Hold the meeting for the worker *name* during the block. False while another worker holds it."""
    key = hold_key(meeting_id)
    if not redis.set(key, name, nx=True, px=hold_ms):
        yield False
        return
    ended = threading.Event()
    thread = threading.Thread(target=_renew, args=(redis, key, name, hold_ms, ended), name="hold", daemon=True)
    thread.start()
    try:
        yield True
    finally:
        ended.set()
        thread.join()
        if redis.get(key) == name.encode():
            redis.delete(key)


def _renew(redis: Redis, key: str, name: str, hold_ms: int, ended: threading.Event) -> None:
    while not ended.wait(hold_ms / 3000):
        try:
            # Redis may have lost the hold.
            if not redis.set(key, name, nx=True, px=hold_ms) and redis.get(key) == name.encode():
                redis.pexpire(key, hold_ms)
        except RedisError as error:
            log.warning("the hold %s is not renewed: %s", key, error)


def hold_key(meeting_id: str) -> str:
    """The Redis key that is set while a worker writes the meeting's minutes."""
    return f"mb:summarizing:{meeting_id}"
