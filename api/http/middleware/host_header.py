"""Refuses requests that do not name their host in the way that HTTP demands."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.problems import problem_of, problem_response
from schema.core.errors import DecodeError
from schema.core.hosts import host_of


class HostHeader:
    """Answers 400 unless the request has exactly one well-formed header Host. HTTP/1.0 may leave it out (RFC 9112)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            if scope["type"] in ("http", "websocket"):
                _check(scope)
        except DecodeError as error:
            await problem_response(problem_of(error))(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _check(scope: Scope) -> None:
    hosts = Headers(scope=scope).getlist("host")
    if len(hosts) > 1:
        raise DecodeError(f"the request has {len(hosts)} headers Host; send one")
    if not hosts and scope.get("http_version") != "1.0":
        raise DecodeError("the request has no header Host; send the host and port of the API")
    for value in hosts:
        try:
            host_of(value)
        except DecodeError as error:
            raise DecodeError(f"in the header Host, {error.detail}") from error
