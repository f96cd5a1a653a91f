"""The files of the page, read once and compressed once. `make page` builds them from the sources beside them."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.responses import Response

from schema.core.errors import NotFound

BUILT = Path(__file__).with_name("built")
START = "index.html"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "media-src": "'self' blob:",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
}
"""No script or style but our files, and no other origin. Text that somebody said can never run as a script."""
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "Permissions-Policy": "microphone=(self), display-capture=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-cache",
    "Vary": "Accept-Encoding",
}

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the page, as it is and compressed by gzip."""

    media_type: str
    plain: bytes
    packed: bytes
    etag: str


@router.get("/")
def start(request: Request) -> Response:
    return _answer(request, START)


@router.get("/page/{name}")
def file(request: Request, name: str) -> Response:
    return _answer(request, name)


@lru_cache(maxsize=1)
def page_files() -> dict[str, PageFile]:
    """The built files by name."""
    return {path.name: _read(path) for path in sorted(BUILT.iterdir()) if path.suffix in TYPES}


def _read(path: Path) -> PageFile:
    plain = path.read_bytes()
    packed = gzip.compress(plain, mtime=0)
    return PageFile(TYPES[path.suffix], plain, packed, f'"{hashlib.sha256(plain).hexdigest()[:20]}"')


def _answer(request: Request, name: str) -> Response:
    found = page_files().get(name)
    if found is None:
        raise NotFound(f"the page has no file '{name[:64]}'; open the page at /")
    headers = {**HEADERS, "ETag": found.etag}
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(found.plain, headers=headers, media_type=found.media_type)
    return Response(found.packed, headers={**headers, "Content-Encoding": "gzip"}, media_type=found.media_type)
