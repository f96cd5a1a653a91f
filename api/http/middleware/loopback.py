"""Without keys, only this machine is served: no other host, and no web page of somebody else in its browser."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from api.http.problems import problem_of, problem_response
from schema.core.errors import Forbidden
from schema.core.settings import LOOPBACK_HOSTS

REMEDY = "set MINUTEBOOK_AUTH=on and use an API key"


class LoopbackOnly:
    """Refuses requests from or to another host, and those that a browser makes for a page of another origin."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = _fault(scope) if scope["type"] in ("http", "websocket") else None
        if fault is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await problem_response(problem_of(Forbidden(fault)))(scope, receive, send)
        else:
            await receive()
            await WebSocketClose(code=4403, reason=fault[:120])(scope, receive, send)


def _fault(scope: Scope) -> str | None:
    client = scope.get("client")
    if client is not None and not _is_loopback(client[0]):
        return f"this API asks for no keys and serves this machine only, not {client[0]}; {REMEDY}"
    headers = Headers(scope=scope)
    # A page of another site can make a browser on this machine call us, under its own name or under one that it has
    # pointed at 127.0.0.1.
    for name, value in (("Host", f"//{headers.get('host', 'localhost')}"), ("Origin", headers.get("origin"))):
        if value is not None and not _is_loopback(urlsplit(value).hostname or ""):
            return f"the header {name} names another host than this machine; {REMEDY}"
    return None


def _is_loopback(host: str) -> bool:
    return host in LOOPBACK_HOSTS or host.startswith("127.")
