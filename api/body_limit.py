"""No request body is read past its limit."""

from __future__ import annotations

import re

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import PREFIX, problem_response

JSON_LIMIT_BYTES = 1 << 20
WAV_HEADER_BYTES = 64 << 10
"""What a WAV file may hold beside its samples."""
FORM_BYTES = 1 << 20
"""What a form may hold beside its file."""
_AUDIO_PATH = re.compile(r"/v1/meetings/[^/]+/audio/?")
_FILE_PATH = re.compile(r"/v1/(uploads(/tus(/[^/]+)?)?|audio/(transcriptions|translations))/?")


class BodyLimit:
    """Refuses by Content-Length before anything is read, and by counting where none is given."""

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
            await _refusal(declared, limit)(scope, receive, send)
            return
        await self._app(scope, _counted(receive, limit), send)


def _content_length(scope: Scope) -> int | None:
    value = next((value for name, value in scope["headers"] if name == b"content-length"), b"")
    return int(value) if value.isdigit() else None


def _counted(receive: Receive, limit: int) -> Receive:
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > limit:
            raise HTTPException(413, _detail(f"more than {limit}", limit), {"Connection": "close"})
        return message

    return counted


def _refusal(declared: int, limit: int) -> ASGIApp:
    problem = {
        "type": f"{PREFIX}too-large",
        "title": "Content Too Large",
        "status": 413,
        "detail": _detail(str(declared), limit),
        "retryable": False,
        "limit_bytes": limit,
    }
    return problem_response(problem, {"Connection": "close"})


def _detail(size: str, limit: int) -> str:
    return f"the body has {size} bytes, at most {limit} are taken; send less at once"
