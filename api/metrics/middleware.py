"""Measures every request: the route, not the path, so that no id becomes a label."""

from __future__ import annotations

import time

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.metrics.metrics import METHODS, OTHER, ApiMetrics
from api.services import services_of


class MeasuredRequests:
    """Counts requests when the head of their answer is sent. The rest may take hours: events, downloads."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            with services_of(HTTPConnection(scope)).metrics.sockets.track_inprogress():
                await self._app(scope, receive, send)
            return
        began_s = time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                metrics = services_of(HTTPConnection(scope)).metrics
                _count(metrics, scope, message["status"], time.perf_counter() - began_s)
            await send(message)

        await self._app(scope, receive, counted if scope["type"] == "http" else send)


def _count(metrics: ApiMetrics, scope: Scope, status: int, took_s: float) -> None:
    method = scope["method"] if scope["method"] in METHODS else OTHER
    route = getattr(scope.get("route"), "path", OTHER)
    metrics.http_s.labels(method, route, f"{status // 100}xx").observe(took_s)
