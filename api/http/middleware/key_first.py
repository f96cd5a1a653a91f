"""Checks the API key before anything else of a request is read."""

from __future__ import annotations

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from api.auth.bearer import authenticate, credential_of
from api.http.problems import problem_of, problem_response
from api.services import services_of
from schema.core.errors import MinutebookError

PREFIX = "/v1/"
METRICS = "/metrics"
WITHOUT_KEY = frozenset({("OPTIONS", "/v1/uploads/tus")})
"""What a tus client asks before it begins, and browsers ask without a key."""


class KeyFirst:
    """Refuses requests below `/v1/` and for the metrics without a valid key.

    `principal` and `credential` go into the request's state.

    FastAPI would read and parse the body first. Live sockets check the key themselves: they report errors as events.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _needs_key(scope):
            connection = HTTPConnection(scope)
            try:
                connection.state.credential = credential_of(connection)
                connection.state.principal = await authenticate(services_of(connection), connection.state.credential)
            except MinutebookError as error:
                await problem_response(problem_of(error))(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _needs_key(scope: Scope) -> bool:
    path = scope["path"]
    return path == METRICS or (path.startswith(PREFIX) and (scope["method"], path.rstrip("/")) not in WITHOUT_KEY)
