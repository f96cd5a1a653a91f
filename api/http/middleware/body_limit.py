"""Limits the body of each request: its size, the time that it may take, and the shape of JSON."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.auth.bearer import check_not_revoked
from api.http.json_shape import check_json_body
from api.http.problems import problem_of, problem_response
from api.services import Services, services_of
from schema.core.errors import MinutebookError, RequestTimeout, TooLarge, Unauthorized

JSON_LIMIT_BYTES = 256 << 10
"""Enough for the longest briefing and the longest text, written with escapes."""
WAV_HEADER_BYTES = 64 << 10
"""Allowance for everything in a WAV file except its samples."""
FORM_BYTES = 1 << 20
"""Allowance for everything in a form except its file."""
SLOWEST_BYTES_PER_S = 500
"""Less than compressed speech takes, so a recording may be sent while it is made."""
TICK_S = 1.0
"""How often the key of a sender that pauses is checked."""
_AUDIO_PATH = re.compile(r"/v1/meetings/[^/]+/audio/?")
_FILE_PATH = re.compile(r"/v1/(uploads(/tus(/[^/]+)?)?|audio/(transcriptions|translations))/?")


@dataclass(frozen=True, slots=True)
class BodyLimits:
    """`stall_s` is how long a sender may pause. A slow sender uses it up too, and a fast one earns it back."""

    frame_bytes: int
    upload_bytes: int
    stall_s: float

    def size_bytes(self, path: str) -> int | None:
        """The limit for audio and files at *path*, None if the body is JSON."""
        if _AUDIO_PATH.fullmatch(path):
            return self.frame_bytes + WAV_HEADER_BYTES
        return self.upload_bytes + FORM_BYTES if _FILE_PATH.fullmatch(path) else None


class BodyLimit:
    """Refuses a body by its Content-Length before reading it, and every body that is too large, too slow or too deep.

    JSON is read whole and checked here. Audio and files are counted while the application reads them.
    """

    def __init__(self, app: ASGIApp, limits: BodyLimits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else None
        if headers is None or not announces_body(headers):
            await self._app(scope, receive, send)
            return
        size_bytes = self._limits.size_bytes(scope["path"])
        limit = JSON_LIMIT_BYTES if size_bytes is None else size_bytes
        key = scope.get("state", {}).get("credential")  # from KeyFirst
        body = _Body(receive, send, limit, self._limits.stall_s, services_of(HTTPConnection(scope)), key)
        try:
            body.check_declared(headers.get("content-length", ""))
            read = body.receive if size_bytes is not None else await body.held(headers.get("content-type", ""))
        except MinutebookError as error:
            body.refusal = error
        else:
            await self._app(scope, read, body.send)
        if body.refusal is not None and not body.answered:
            await problem_response(problem_of(body.refusal), {"Connection": "close"})(scope, receive, send)


def announces_body(headers: Headers) -> bool:
    """Whether a body follows the head of the request."""
    return "transfer-encoding" in headers or headers.get("content-length", "0") != "0"


class _Body:
    """The body of one request. After `refusal` is set, the application's own answer is not sent."""

    def __init__(
        self, receive: Receive, send: Send, limit: int, stall_s: float, services: Services, key: str | None
    ) -> None:
        self.refusal: MinutebookError | None = None
        self.answered = False
        self._receive, self._send = receive, send
        self._limit, self._stall_s = limit, stall_s
        self._services, self._key = services, key
        self._seen = 0
        self._left_s = stall_s
        self._ended = False

    def check_declared(self, content_length: str) -> None:
        """Raises TooLarge if the sender announces more than the limit."""
        if content_length.isdigit() and int(content_length) > self._limit:
            raise _too_large(content_length, self._limit)

    async def held(self, content_type: str) -> Receive:
        """Read the whole body. Returns a function that gives it to the application."""
        held = bytearray()
        while not self._ended:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                return self._receive
            held += message.get("body", b"")
        if "json" in content_type.lower():
            check_json_body(bytes(held))
        waiting: list[Message] = [{"type": "http.request", "body": bytes(held), "more_body": False}]

        async def receive() -> Message:
            return waiting.pop() if waiting else await self._receive()

        return receive

    async def receive(self) -> Message:
        """Raises TooLarge, RequestTimeout, Unauthorized."""
        if self._ended:
            return await self._receive()
        message = await self._next()
        size = len(message.get("body", b""))
        self._seen += size
        self._ended = not message.get("more_body")
        if self._seen > self._limit:
            raise self._refused(_too_large(f"more than {self._limit}", self._limit))
        self._left_s = min(self._stall_s, self._left_s + size / SLOWEST_BYTES_PER_S)
        return message

    async def send(self, message: Message) -> None:
        if self.refusal is None:
            self.answered = True
            await self._send(message)

    async def _next(self) -> Message:
        clock = asyncio.get_running_loop()
        while self._left_s > 0:
            try:
                await check_not_revoked(self._services, self._key)
            except Unauthorized as error:
                raise self._refused(error) from None
            began_s = clock.time()
            try:
                async with asyncio.timeout(min(TICK_S, self._left_s)):
                    return await self._receive()
            except TimeoutError:
                continue
            finally:
                self._left_s -= clock.time() - began_s
        raise self._refused(_too_slow(self._seen, self._stall_s))

    def _refused(self, error: MinutebookError) -> MinutebookError:
        self.refusal = error
        return error


def _too_large(size: str, limit: int) -> TooLarge:
    return TooLarge(f"the body has {size} bytes, the limit is {limit}; send less at once", limit_bytes=limit)


def _too_slow(seen: int, stall_s: float) -> RequestTimeout:
    return RequestTimeout(
        f"the body stopped or slowed down after {seen} bytes; send at least {SLOWEST_BYTES_PER_S} bytes a second, and "
        f"do not pause for more than {stall_s:g} s (MINUTEBOOK_BODY_STALL_S)"
    )
