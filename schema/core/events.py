"""Events of a meeting, published in Redis on one channel per meeting.

Events are hints: they are published after the commit and may be lost. A client that resumes is served from SQL by
`seq`. An event with `seq` stands for a row in SQL. One without (partial, coverage, upload, state, ack, error) only
describes the moment.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from redis import Redis, RedisCluster
from redis.exceptions import RedisError

from schema.core.errors import DecodeError

ENDING_STATES = frozenset({"finished", "deleted"})
"""No event follows a `state` event with one of these states."""


@dataclass(frozen=True, slots=True)
class Event:
    """`type` is partial, segment, note, minutes, coverage, upload or state; `data` is sent to the client."""

    type: str
    data: dict[str, Any] = field(default_factory=dict)
    seq: int | None = None

    def encode(self) -> str:
        return json.dumps({"type": self.type, "seq": self.seq, "data": self.data}, separators=(",", ":"))

    @classmethod
    def decode(cls, message: bytes | str) -> Event:
        try:
            parsed = json.loads(message)
            return cls(parsed["type"], parsed["data"], parsed["seq"])
        except (ValueError, KeyError, TypeError) as error:
            raise DecodeError(f"this is not an event: {message[:80]!r}") from error


def channel(meeting_id: str) -> str:
    return f"mb:events:{meeting_id}"


def publish(client: Redis | RedisCluster, meeting_id: str, events: list[Event]) -> bool:
    """Send *events* to the followers of the meeting. False if Redis did not accept them: the rows in SQL remain."""
    try:
        with client.pipeline(transaction=False) as pipe:
            for event in events:
                pipe.publish(channel(meeting_id), event.encode())
            pipe.execute()
    except RedisError:
        return False
    return True
