"""Keeps browsers from guessing the type of an answer: text that somebody said must never run as a script."""

from __future__ import annotations

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEADER, NO_SNIFF = "X-Content-Type-Options", "nosniff"


class NoSniff:
    """Adds the header to every answer of the application, also to errors."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)[HEADER] = NO_SNIFF
            await send(message)

        await self._app(scope, receive, marked if scope["type"] == "http" else send)
