"""Keeps reading for a while after an answer that closes the connection in the middle of a request.

Otherwise the rest of the request reaches a closed socket, the kernel replies with a reset, and the client loses the
answer. nginx calls the same thing `lingering_close`.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LINGER_BYTES = 128 << 20
LINGER_S = 10.0


class LingeringClose:
    """Sends an answer with `Connection: close` at once. Closes when the request has ended or a limit is reached."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send)
        await self._app(scope, exchange.receive, exchange.send)


class _Exchange:
    """One request and its answer."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._ended = False
        self._closes = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._ended = not message.get("more_body")
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._closes = (b"connection", b"close") in message.get("headers", ())
        lingers = message["type"] == "http.response.body" and not message.get("more_body") and self._closes
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
