"""Without keys the API serves this machine only: no other host, and no web page of another site in its browser."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from api.http.problems import problem_of, problem_response
from schema.core.errors import Forbidden, InvalidInput
from schema.core.settings import LOOPBACK_HOSTS, Settings

REMEDY = "set MINUTEBOOK_AUTH=on and use an API key"


def check_auth(config: Settings) -> None:
    """Raises InvalidInput if the API would serve other machines without keys."""
    if config.auth == "off" and config.api_host not in LOOPBACK_HOSTS:
        raise InvalidInput(
            f"MINUTEBOOK_AUTH=off with MINUTEBOOK_API_HOST={config.api_host} would let anybody read every meeting; "
            "set MINUTEBOOK_AUTH=on and make a key with 'minutebook keys create', or listen on 127.0.0.1"
        )


class LoopbackOnly:
    """Refuses requests from or to another host, and requests that a browser makes for a page of another origin."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = _refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await problem_response(problem_of(Forbidden(refusal)))(scope, receive, send)
        else:
            await receive()
            await WebSocketClose(code=4403, reason=refusal[:120])(scope, receive, send)


def _refusal(scope: Scope) -> str | None:
    client = scope.get("client")
    if client is not None and not _is_loopback(client[0]):
        return f"this API works without keys and serves this machine only, not {client[0]}; {REMEDY}"
    headers = Headers(scope=scope)
    # A page of another site can make a browser on this machine call the API, under the site's own host name or under
    # a name that resolves to 127.0.0.1.
    for name, value in (("Host", f"//{headers.get('host', 'localhost')}"), ("Origin", headers.get("origin"))):
        if value is not None and not _is_loopback(urlsplit(value).hostname or ""):
            return f"the header {name} names a host other than this machine; {REMEDY}"
    return None


def _is_loopback(host: str) -> bool:
    return host in LOOPBACK_HOSTS or host.startswith("127.")
