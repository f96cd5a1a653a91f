"""Limits the size of request bodies. No body is read past its limit."""

from __future__ import annotations

import re

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import PREFIX, problem_response

JSON_LIMIT_BYTES = 1 << 20
WAV_HEADER_BYTES = 64 << 10
"""Allowance for everything in a WAV file except its samples."""
FORM_BYTES = 1 << 20
"""Allowance for everything in a form except its file."""
_AUDIO_PATH = re.compile(r"/v1/meetings/[^/]+/audio/?")
_FILE_PATH = re.compile(r"/v1/(uploads(/tus(/[^/]+)?)?|audio/(transcriptions|translations))/?")


class BodyLimit:
    """Refuses a body by its Content-Length before reading it. A body without one is counted while it is read."""

    def __init__(self, app: ASGIApp, frame_limit_bytes: int, upload_limit_bytes: int) -> None:
        self._app = app
        self._limits = (
            (_AUDIO_PATH, frame_limit_bytes + WAV_HEADER_BYTES),
            (_FILE_PATH, upload_limit_bytes + FORM_BYTES),
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = next((limit for path, limit in self._limits if path.fullmatch(scope["path"])), JSON_LIMIT_BYTES)
        declared = _content_length(scope)
        if declared is not None and declared > limit:
            await _too_large_response(str(declared), limit)(scope, receive, send)
            return
        counted = _Counted(receive, send, limit)
        await self._app(scope, counted.receive, counted.send)
        if counted.refused:
            await _too_large_response(f"more than {limit}", limit)(scope, receive, send)


def _content_length(scope: Scope) -> int | None:
    value = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(value) if value.isdigit() else None


class _Counted:
    """Counts the body of one request. If it is too large, the application's own answer is not sent."""

    def __init__(self, receive: Receive, send: Send, limit: int) -> None:
        self._receive, self._send, self._limit = receive, send, limit
        self._seen = 0
        self._answered = False

    @property
    def refused(self) -> bool:
        """Whether the body was too large and no answer has begun."""
        return self._seen > self._limit and not self._answered

    async def receive(self) -> Message:
        message = await self._receive()
        self._seen += len(message.get("body", b""))
        if self._seen > self._limit:
            raise HTTPException(413)  # FastAPI passes this exception on where it reads a body
        return message

    async def send(self, message: Message) -> None:
        if not self.refused:
            self._answered = True
            await self._send(message)


def _too_large_response(size: str, limit: int) -> ASGIApp:
    problem = {
        "type": f"{PREFIX}too-large",
        "title": "Content Too Large",
        "status": 413,
        "detail": f"the body has {size} bytes, the limit is {limit}; send less at once",
        "retryable": False,
        "limit_bytes": limit,
    }
    return problem_response(problem, {"Connection": "close"})
