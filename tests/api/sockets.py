"""Readers of live sockets and event streams."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from schema.meetings.live_wire import LiveFrame
from tests.api.conftest import Api
from tests.waiting import wait_until

LIMIT_S = 20


class LiveSocket:
    """A live socket whose events are read by type."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    def send(self, first_sample: int, pcm: bytes) -> None:
        self.connection.send(LiveFrame(first_sample, pcm).encode())

    def control(self, **message: object) -> None:
        self.connection.send(json.dumps(message))

    def next(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.connection.recv(LIMIT_S))
        return event

    def next_of(self, *kinds: str) -> dict[str, Any]:
        """The data of the next event of one of *kinds*."""
        event = wait_until(f"{' or '.join(kinds)} arrives", self.next, lambda event: event["type"] in kinds, poll_s=0)
        data: dict[str, Any] = event["data"]
        return data

    def rows(self, count: int) -> list[tuple[int, str]]:
        """Sequence numbers and texts of the next *count* rows."""
        found: list[tuple[int, str]] = []

        def receive() -> int:
            event = self.next()
            if event["seq"] is not None:
                found.append((event["seq"], text_of(event["data"])))
            return len(found)

        wait_until(f"{count} rows have arrived", receive, lambda received: received == count, poll_s=0)
        return found

    def rest(self) -> list[dict[str, Any]]:
        """All events until the socket is closed."""
        events: list[dict[str, Any]] = []
        with suppress(ConnectionClosed):
            while True:
                events.append(self.next())
        return events

    def end(self) -> tuple[int, str]:
        """Read to the end and return the code and reason with which the socket was closed."""
        with pytest.raises(ConnectionClosed) as closed:
            self.next_of("an event that does not exist")
        frame = closed.value.rcvd
        assert frame is not None
        return frame.code, frame.reason


@contextmanager
def live(api: Api, meeting_id: str, query: str = "", **options: Any) -> Iterator[LiveSocket]:
    with connect(api.live_url(meeting_id, query), proxy=None, **options) as connection:
        yield LiveSocket(connection)


def text_of(data: dict[str, Any]) -> str:
    """The text of a segment or a note, or the first sentence of minutes."""
    if "minutes" in data:
        return str(data["minutes"]["overview"][0]["text"])
    return str(data["text"] if "text" in data else data["body"]["text"])


@contextmanager
def event_stream(api: Api, meeting_id: str, **request: Any) -> Iterator[Iterator[dict[str, Any]]]:
    """Server-sent events as dictionaries of `event`, `id` (or none) and `data`."""
    url = f"/v1/meetings/{meeting_id}/events"
    with api.http.stream("GET", url, timeout=LIMIT_S, **request) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield _parsed(answer)


def _parsed(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    event: dict[str, Any] = {}
    for line in answer.iter_lines():
        if not line and event:
            yield event
            event = {}
        elif line and not line.startswith(":"):
            name, _, value = line.partition(": ")
            event[name] = json.loads(value) if name == "data" else value
