"""Follows a meeting by server-sent events, without sending audio."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator

from api.client.http import Http
from schema.core.events import Event


async def follow_events(http: Http, meeting_id: str, after: int) -> AsyncGenerator[Event]:
    """The rows after the number *after*, then new ones as they arrive, until the meeting has ended."""
    kind, seq, data = "", None, ""
    async for line in http.lines(f"/v1/meetings/{meeting_id}/events", {"after": after}):
        field, _, value = line.partition(": ")
        match field:
            case "event":
                kind = value
            case "id":
                seq = int(value)
            case "data":
                data += value
            case "" if data:
                yield Event(kind, json.loads(data), seq)
                kind, seq, data = "", None, ""
