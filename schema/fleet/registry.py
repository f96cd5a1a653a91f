"""The records of all workers in Redis. They expire, and a worker that ends in order takes its own away.

All keys have one hash tag, so that a Redis Cluster keeps them together.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import cast

from pydantic import ValidationError
from redis import Redis

from schema.fleet.wire import WorkerRecord

log = logging.getLogger(__name__)

BEAT_S = 2.0
"""How often a worker says what it does."""
LOST_AFTER_S = 10.0
"""A worker that has said nothing for this long counts as lost."""
LOST_SHOWN_S = 600.0
"""A lost worker is shown for this long."""
WORKERS_LIMIT = 500
_SEEN = "{mb:fleet}:seen"
"""Sorted set: name of a worker → when it was last seen, in seconds of Redis's clock."""


def _key(name: str) -> str:
    return f"{{mb:fleet}}:worker:{name}"


@dataclass(frozen=True, slots=True)
class SeenWorker:
    record: WorkerRecord
    seen_s: float
    """How long ago it was written."""

    @property
    def lost(self) -> bool:
        return self.seen_s > LOST_AFTER_S


def publish_worker(redis: Redis, record: WorkerRecord) -> None:
    """Store what a worker says now. The workers that were not seen for longest go first if there are too many."""
    now_s = _now_s(redis)
    with redis.pipeline() as all_at_once:
        all_at_once.set(_key(record.name), record.model_dump_json(), ex=int(LOST_SHOWN_S))
        all_at_once.zadd(_SEEN, {record.name: now_s})
        all_at_once.zremrangebyscore(_SEEN, "-inf", now_s - LOST_SHOWN_S)
        all_at_once.zremrangebyrank(_SEEN, 0, -WORKERS_LIMIT - 1)
        all_at_once.expire(_SEEN, int(LOST_SHOWN_S))
        all_at_once.execute()


def forget_worker(redis: Redis, name: str) -> None:
    with redis.pipeline() as both:
        both.delete(_key(name))
        both.zrem(_SEEN, name)
        both.execute()


def seen_workers(redis: Redis) -> list[SeenWorker]:
    """All workers by name, also those that were lost in the last minutes."""
    now_s = _now_s(redis)
    scores = cast("list[tuple[bytes, float]]", redis.zrange(_SEEN, 0, -1, withscores=True))
    seen = {name.decode(): at_s for name, at_s in scores}
    names = sorted(seen)
    texts = redis.mget([_key(name) for name in names]) if names else []
    found = []
    for name, text in zip(names, texts, strict=True):
        record = None if text is None else _decoded(name, text)
        if record is not None:
            found.append(SeenWorker(record, max(0.0, now_s - seen[name])))
    return found


def _decoded(name: str, text: bytes | str) -> WorkerRecord | None:
    try:
        return WorkerRecord.model_validate_json(text)
    except ValidationError as error:  # a worker of another version
        log.warning("the record of worker %s cannot be read: %s", name, error)
        return None


def _now_s(redis: Redis) -> float:
    seconds, microseconds = redis.time()
    return float(seconds) + float(microseconds) / 1e6
