"""Limits the head of a request: its headers, its target, and the parameters of its query."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from api.http.problems import problem_of, problem_response
from schema.core.errors import HeadTooLarge

HEADERS_LIMIT = 100
HEADERS_LIMIT_BYTES = 64 << 10
TARGET_LIMIT_BYTES = 8 << 10
PARAMETERS_LIMIT = 100


class HeadLimit:
    """Refuses requests and sockets whose head is too large, before anything parses it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        detail = _fault(scope) if scope["type"] in ("http", "websocket") else None
        if detail is None:
            await self._app(scope, receive, send)
        else:
            await problem_response(problem_of(HeadTooLarge(detail)), {"Connection": "close"})(scope, receive, send)


def _fault(scope: Scope) -> str | None:
    headers, query = scope["headers"], scope["query_string"]
    if len(headers) > HEADERS_LIMIT:
        return f"the request has {len(headers)} headers, the limit is {HEADERS_LIMIT}; send fewer"
    if (size := sum(len(name) + len(value) for name, value in headers)) > HEADERS_LIMIT_BYTES:
        return f"the headers have {size} bytes, the limit is {HEADERS_LIMIT_BYTES}; send less"
    if (size := len(scope["raw_path"]) + len(query)) > TARGET_LIMIT_BYTES:
        return f"path and query have {size} bytes, the limit is {TARGET_LIMIT_BYTES}; send less"
    if (count := query.count(b"&") + 1) > PARAMETERS_LIMIT:
        return f"the query has {count} parameters, the limit is {PARAMETERS_LIMIT}; send fewer"
    return None
