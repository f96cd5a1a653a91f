"""Connections of clients: uvicorn's HTTP protocol with limits on their number and on the time that a client may take.

Bodies are not watched here: `BodyLimit` does that, because only the application knows when it wants to read.
"""

from __future__ import annotations

import asyncio
import json
from asyncio import Transport
from dataclasses import dataclass
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from api.http.middleware.head_limit import HEADERS_LIMIT_BYTES, TARGET_LIMIT_BYTES
from api.http.middleware.no_sniff import HEADER, NO_SNIFF
from api.http.problems import MEDIA_TYPE, problem_of, problem_response
from schema.core.errors import DecodeError, HeadTooLarge, MinutebookError, RequestTimeout, TooManyConnections

UNPARSED_LIMIT_BYTES = HEADERS_LIMIT_BYTES + TARGET_LIMIT_BYTES
REFUSED_LIMIT = 64
"""So many connections above a limit get an answer. Any more are cut off, because an answer costs an open file too."""
RETRY_MS = 5000


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """`head_s` is the time for the head of a request, `reader_stall_s` the time in which a client may read nothing."""

    total: int
    per_address: int
    head_s: float
    reader_stall_s: float = 300.0


class BoundedHttp(HttpToolsProtocol):
    """One connection. Live sockets begin here too, and stay in the set of connections that is counted."""

    def __init__(self, *args: Any, limits: ConnectionLimits, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._limits = limits
        self._refused = False
        self._unparsed_bytes = 0  # what arrived since the parser last found a head or a piece of a body
        self._head_timer: asyncio.TimerHandle | None = None
        self._reader_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        address = _address(self)
        same = sum(_address(each) == address for each in self.connections)
        limits = self._limits
        if max(len(self.connections) - limits.total, same - limits.per_address) > REFUSED_LIMIT:
            transport.abort()
            return
        if len(self.connections) > limits.total:
            self._refuse_requests(limits.total, "MINUTEBOOK_CONNECTIONS_LIMIT")
        elif same > limits.per_address:
            self._refuse_requests(limits.per_address, "MINUTEBOOK_CONNECTIONS_PER_ADDRESS", f" from {address}")
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._unparsed_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing() or self not in self.connections:  # closed, or a live socket from now on
            return
        if self._unparsed_bytes > UNPARSED_LIMIT_BYTES:
            detail = f"the head of the request has more than {UNPARSED_LIMIT_BYTES} bytes; send less"
            self._end(HeadTooLarge(detail))
        elif self._is_idle() and self._head_timer is None:
            self._await_head()

    def on_headers_complete(self) -> None:
        self._unparsed_bytes = 0
        self._stop_head_timer()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unparsed_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._unparsed_bytes = 0
        super().on_message_complete()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._reader_timer = self.loop.call_later(self._limits.reader_stall_s, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reader_timer is not None:
            self._reader_timer.cancel()
            self._reader_timer = None

    def send_400_response(self, msg: str) -> None:
        """Uvicorn calls this for a request that it cannot parse."""
        self._end(DecodeError(f"{msg.rstrip('.')}; send a request line and headers as HTTP/1.1 has them"))

    def _should_upgrade(self) -> bool:
        return not self._refused and super()._should_upgrade()

    def _unsupported_upgrade_warning(self) -> None:
        if not self._refused:
            super()._unsupported_upgrade_warning()

    def _refuse_requests(self, limit: int, setting: str, whose: str = "") -> None:
        """Answer every request on this connection with 503, also one that wants to become a live socket."""
        detail = f"there are more than {limit} connections{whose} ({setting}); close some, or try again later"
        problem = problem_of(TooManyConnections(detail, retry_after_ms=RETRY_MS))
        self.app = problem_response(problem, {"Connection": "close", HEADER: NO_SNIFF})
        self._refused = True

    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _await_head(self) -> None:
        self._head_timer = self.loop.call_later(self._limits.head_s, self._end_late)

    def _end_late(self) -> None:
        if not self._unparsed_bytes:
            self.transport.close()
            return
        detail = (
            f"the head of the request did not arrive within {self._limits.head_s:g} s (MINUTEBOOK_HEAD_LIMIT_S); "
            "send it at once"
        )
        self._end(RequestTimeout(detail))

    def _end(self, error: MinutebookError) -> None:
        if self._is_idle():
            body = json.dumps(problem_of(error)).encode()
            headers = {"Content-Type": MEDIA_TYPE, "Content-Length": len(body), "Connection": "close", HEADER: NO_SNIFF}
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            self.transport.write(STATUS_LINE[error.status] + head.encode() + b"\r\n" + body)
        self.transport.close()

    def _stop_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_timers(self) -> None:
        self._stop_head_timer()
        if self._reader_timer is not None:
            self._reader_timer.cancel()


def _address(connection: object) -> str | None:
    client: tuple[str, int] | None = getattr(connection, "client", None)
    return client[0] if client else None
