"""Events are hints: published after the commit, may be lost; who resumes is served from SQL by `seq`.

One channel per meeting. An event with `seq` stands for a row; one without (partial, coverage, upload, state, ack,
error) is of the moment.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from redis import Redis, RedisCluster
from redis.exceptions import RedisError

from schema.core.errors import DecodeError

ENDING_STATES = frozenset({"finished", "deleted"})
"""After a `state` event with one of these nothing more comes."""


@dataclass(frozen=True, slots=True)
class Event:
    """`type` is partial, segment, note, minutes, coverage, upload or state; `data` is what the client gets."""

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
            raise DecodeError(f"not an event: {message[:80]!r}") from error


def channel(meeting_id: str) -> str:
    return f"mb:events:{meeting_id}"


def publish(client: Redis | RedisCluster, meeting_id: str, events: list[Event]) -> bool:
    """Tell whoever follows the meeting. False when Redis did not take it: a hint lost, the rows stand in SQL."""
    try:
        with client.pipeline(transaction=False) as pipe:
            for event in events:
                pipe.publish(channel(meeting_id), event.encode())
            pipe.execute()
    except RedisError:
        return False
    return True
