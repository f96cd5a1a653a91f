"""Errors in OpenAI's form, translated from the problem documents of the rest of the API."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import MEDIA_TYPE, PREFIX, internal_problem, problem_of
from schema.core.errors import InvalidInput, MinutebookError

PATH = re.compile(
    r"/v1/(audio|models|realtime|chat|completions|responses|embeddings|images|files|moderations|batches)(/.*)?"
)
"""OpenAI's paths. Most have no route here, and its clients read the reason only in its form."""
CODES = {"unauthorized": "invalid_api_key", "rate-limited": "rate_limit_exceeded"}
"""Codes that clients check. An error may have its own in `code`; otherwise its code is the name of its problem."""


class OpenAiErrors:
    """Middleware that translates every problem document on OpenAI's paths, also one of another middleware."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not PATH.fullmatch(scope["path"]):
            await self._app(scope, receive, send)
            return
        translating = _Translating(send)
        try:
            await self._app(scope, receive, translating)
        except Exception as error:
            if translating.started:
                raise
            problem = internal_problem(error, f"{scope['method']} {Request(scope).url.path}")
            await error_response(problem)(scope, receive, send)


class _Translating:
    """Holds a problem document back until it is complete, and sends the same error in OpenAI's form."""

    def __init__(self, send: Send) -> None:
        self.started = False
        self._send = send
        self._problem: bytearray | None = None
        self._start: Message = {}

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            if dict(message["headers"]).get(b"content-type", b"").startswith(MEDIA_TYPE.encode()):
                self._problem, self._start = bytearray(), message
                return
        if self._problem is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        self._problem += message.get("body", b"")
        if message.get("more_body"):
            return
        response = error_response(json.loads(self._problem))
        kept = [
            (name, value)
            for name, value in self._start["headers"]
            if name not in (b"content-type", b"content-length") and name not in dict(response.raw_headers)
        ]
        headers = [*response.raw_headers, *kept]
        await self._send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await self._send({"type": "http.response.body", "body": response.body})


def error_response(problem: dict[str, Any]) -> JSONResponse:
    """*problem* as OpenAI answers it. OpenAI's clients decide by `X-Should-Retry` whether to try again."""
    status = HTTPStatus.BAD_REQUEST if problem["status"] == HTTPStatus.UNPROCESSABLE_ENTITY else problem["status"]
    headers = {"X-Should-Retry": str(bool(problem.get("retryable"))).lower()}
    return JSONResponse({"error": error_body({**problem, "status": status})}, status, headers)


def error_body(problem: dict[str, Any]) -> dict[str, Any]:
    """`message`, `type`, `param` and `code`: the fields of an error, over HTTP and on sockets."""
    slug = str(problem["type"]).removeprefix(PREFIX)
    status = int(problem["status"])
    fields = problem.get("errors") or [{}]
    return {
        "message": problem["detail"],
        "type": _type(status),
        "param": problem.get("param", fields[0].get("field")),
        "code": problem.get("code") or CODES.get(slug, slug.replace("-", "_")),
    }


def _type(status: int) -> str:
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return "rate_limit_error"
    return "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"


def error_of(error: MinutebookError) -> dict[str, Any]:
    return error_body(problem_of(error))


def invalid_parameter(param: str, detail: str) -> InvalidInput:
    """The error for a parameter that is not supported. *detail* has the value and the remedy."""
    return InvalidInput(detail, param=param)
