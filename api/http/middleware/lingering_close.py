"""Closes the connection after an answer in the middle of a request, and keeps reading for a while before that.

Otherwise the rest of the request reaches a closed socket, the kernel replies with a reset, and the client loses the
answer. nginx calls the same thing `lingering_close`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.middleware.body_limit import announces_body

LINGER_BYTES = 128 << 20
LINGER_S = 10.0


class LingeringClose:
    """Sends such an answer with `Connection: close` at once. Closes when the request ends or a limit is reached."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send, has_body=announces_body(Headers(scope=scope)))
        await self._app(scope, exchange.receive, exchange.send)


class _Exchange:
    """One request and its answer."""

    def __init__(self, receive: Receive, send: Send, *, has_body: bool) -> None:
        self._receive, self._send = receive, send
        self._ended = not has_body

    async def receive(self) -> Message:
        message = await self._receive()
        self._ended = not message.get("more_body")
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and not self._ended:
            MutableHeaders(scope=message)["Connection"] = "close"
        lingers = message["type"] == "http.response.body" and not message.get("more_body")
        if not lingers or self._ended:
            await self._send(message)
            return
        await self._send({**message, "more_body": True})
        await self._drain()
        await self._send({"type": "http.response.body"})

    async def _drain(self) -> None:
        left = LINGER_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(LINGER_S):
                while left > 0 and not self._ended:
                    left -= len((await self.receive()).get("body", b""))
