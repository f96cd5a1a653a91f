"""Names of Celery queues and tasks, and how many messages wait in a queue. Celery carries ids, never audio."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from redis import Redis

TRANSCRIBE_QUEUE = "transcribe"
SUMMARIZE_QUEUE = "summarize"
INGEST_QUEUE = "ingest"
SPEAKERS_QUEUE = "speakers"
QUEUES = (TRANSCRIBE_QUEUE, SUMMARIZE_QUEUE, INGEST_QUEUE)
ALL_QUEUES = (*QUEUES, SPEAKERS_QUEUE)
"""`SPEAKERS_QUEUE` has a worker only where speakers are told apart."""

TRANSCRIBE = "minutebook.transcribe"
"""(shard: str): tracks of this shard are due. The message may be lost or arrive twice."""
SUMMARIZE = "minutebook.summarize"
"""(meeting_id: str): the meeting has enough new text for minutes, or has ended."""
INGEST = "minutebook.ingest"
"""(upload_id: str): this upload is complete, or its state has changed. The message may be lost or arrive twice: the
worker decides by itself which upload is next. Beat sends it without an id every second."""
DELIVER = "minutebook.deliver"
"""(): deliver the webhook messages that are due. The message may be lost or arrive twice."""
LISTEN = "minutebook.listen"
"""(shard: str): tell the speakers of this shard's tracks apart. Beat sends it every second; it may be lost or arrive
twice."""
SWEEP = "minutebook.sweep"
"""(): enqueue again whatever a crash left behind, and finish idle meetings."""

WAKE_EXPIRES_S = 2.0
"""Wake-ups expire after this time, so that they never pile up. Beat sends a new one every second anyway."""

_SENT_AT = "sent_at_s"


def served_queues(speakers: str) -> tuple[str, ...]:
    """The queues that need a worker. *speakers* is the setting; `off` needs no listener."""
    return QUEUES if speakers == "off" else ALL_QUEUES


def sent_now() -> dict[str, float]:
    """Headers for a message: when it was sent, in seconds since 1970."""
    return {_SENT_AT: time.time()}


@dataclass(frozen=True, slots=True)
class QueueLength:
    """How many messages wait for a worker, and how long the oldest has waited: None if none waits or the time is not
    known. A message that a worker has taken waits no longer."""

    waiting: int
    oldest_s: float | None


def queue_length(redis: Redis, queue: str) -> QueueLength:
    """Read the length of *queue* from the broker. Raises RedisError if the broker does not answer."""
    with redis.pipeline(transaction=False) as look:
        look.llen(queue)
        look.lindex(queue, -1)  # messages are pushed on the left and taken from the right
        waiting, oldest = look.execute()
    return QueueLength(int(waiting), _waited_s(oldest))


def _waited_s(message: Any) -> float | None:
    try:
        return max(0.0, time.time() - float(json.loads(message)["headers"][_SENT_AT]))
    except (TypeError, KeyError, ValueError):  # no message, or one from beat or another sender, which has no time
        return None
