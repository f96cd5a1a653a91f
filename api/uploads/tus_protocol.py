"""The headers of the tus protocol, version 1.0.0: https://tus.io/protocols/resumable-upload."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.http.problems import PREFIX, problem_response
from schema.core.errors import ChecksumMismatch, InvalidInput, UnsupportedMediaType

VERSION = "1.0.0"
PATH = "/v1/uploads/tus"
EXTENSIONS = "creation,creation-with-upload,expiration,termination,checksum"
ALGORITHMS = ("sha1", "sha256")
PIECE_TYPE = "application/offset+octet-stream"
OVERRIDE = b"x-http-method-override"
METADATA_LIMIT_CHARACTERS = 32 << 10


class TusHeaders:
    """Middleware below `PATH`: every answer names the version, and a request for another version gets 412.

    A slash at the end of an address is left out. The router would answer with a redirect, and tus-js-client in Node
    cannot send the body of a file again.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not (scope["path"] == PATH or scope["path"].startswith(f"{PATH}/")):
            await self._app(scope, receive, send)
            return

        async def versioned(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Tus-Resumable"] = VERSION
                if message["status"] == 412:
                    headers["Tus-Version"] = VERSION
            await send(message)

        headers = dict(scope["headers"])
        # The override is for clients that cannot send PATCH and DELETE.
        method = headers.get(OVERRIDE, scope["method"].encode()).decode("ascii", "replace").upper()
        scope = {**scope, "path": scope["path"].rstrip("/"), "method": method}
        asked = headers.get(b"tus-resumable", b"").decode("ascii", "replace")
        app = self._app if scope["method"] == "OPTIONS" or asked == VERSION else _other_version(asked)
        await app(scope, receive, versioned)


def _other_version(asked: str) -> ASGIApp:
    problem = {
        "type": f"{PREFIX}tus-version",
        "title": "Precondition Failed",
        "status": 412,
        "detail": f"Tus-Resumable is '{asked[:40]}'; send 'Tus-Resumable: {VERSION}'",
        "retryable": False,
    }
    return problem_response(problem)


def metadata_of(header: str, known: frozenset[str]) -> dict[str, str]:
    """Parse `Upload-Metadata`: pairs of a key and base64, separated by commas. A value may be empty or left out.

    Only the values of *known* keys are decoded and returned: clients send metadata of their own, and such a value may
    be any bytes. Raises InvalidInput.
    """
    if len(header) > METADATA_LIMIT_CHARACTERS:
        raise InvalidInput(
            f"Upload-Metadata has {len(header)} characters, the limit is {METADATA_LIMIT_CHARACTERS}; send less"
        )
    values: dict[str, str] = {}
    for pair in filter(None, map(str.strip, header.split(","))):
        key, _, value = pair.partition(" ")
        if key in values:
            raise InvalidInput(f"Upload-Metadata has the key '{key[:40]}' twice; send it once")
        values[key] = value.strip()
    return {key: _decoded(key, value) for key, value in values.items() if key in known}


def _decoded(key: str, value: str) -> str:
    try:
        return base64.b64decode(value, validate=True).decode()
    except ValueError as error:
        raise InvalidInput(
            f"Upload-Metadata has {value[:40]!r} for '{key[:40]}', which is not base64 of UTF-8; encode it"
        ) from error


@dataclass(frozen=True, slots=True)
class Checksum:
    algorithm: str
    digest: bytes

    @classmethod
    def of(cls, header: str) -> Checksum:
        """Parse `Upload-Checksum`: an algorithm and base64. Raises InvalidInput."""
        algorithm, _, value = header.strip().partition(" ")
        if algorithm not in ALGORITHMS:
            raise InvalidInput(f"Upload-Checksum uses '{algorithm[:40]}'; use one of {', '.join(ALGORITHMS)}")
        try:
            return cls(algorithm, base64.b64decode(value, validate=True))
        except ValueError as error:
            raise InvalidInput(f"Upload-Checksum has {value[:40]!r}, which is not base64; encode it") from error

    def check(self, data: bytes) -> None:
        """Raises ChecksumMismatch."""
        if hashlib.new(self.algorithm, data, usedforsecurity=False).digest() != self.digest:
            raise ChecksumMismatch(
                f"the {self.algorithm} of the {len(data)} bytes differs from Upload-Checksum; they were discarded, "
                "send them again"
            )


def check_piece_type(header: str | None) -> None:
    """Raises UnsupportedMediaType unless `Content-Type` names a piece of a file."""
    if not is_piece_type(header):
        raise UnsupportedMediaType(f"Content-Type is {(header or '')[:80]!r}; send '{PIECE_TYPE}'")


def is_piece_type(header: str | None) -> bool:
    return (header or "").partition(";")[0].strip().lower() == PIECE_TYPE


def http_date(time: datetime) -> str:
    return format_datetime(time, usegmt=True)
