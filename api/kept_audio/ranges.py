"""Answers with a part of a file, as the request's header `Range` asks for it (RFC 9110)."""

from __future__ import annotations

import re

from fastapi import Request
from starlette.responses import Response, StreamingResponse

from api.http.problems import problem_of, problem_response
from api.kept_audio.mix import MeetingAudio
from schema.core.errors import BeyondEnd

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def audio_answer(request: Request, audio: MeetingAudio) -> Response:
    """The file, or the part that is asked for. Several parts at once are not supported, so they get the whole file.

    Voices are not for caches between server and browser.
    """
    size = audio.size_bytes
    tag = f'"{size}"'
    headers = {"Accept-Ranges": "bytes", "Cache-Control": "private, no-store", "ETag": tag}
    wanted = _RANGE.fullmatch(request.headers.get("range", ""))
    if wanted is None or request.headers.get("if-range", tag) != tag or wanted.group(1, 2) == ("", ""):
        return _part(audio, 0, size, 200, headers)
    first, end = _bounds(wanted, size)
    if first >= end:
        beyond = BeyondEnd(f"the audio has {size} bytes; ask for a part of these", size_bytes=size)
        return problem_response(problem_of(beyond), {**headers, "Content-Range": f"bytes */{size}"})
    return _part(audio, first, end, 206, {**headers, "Content-Range": f"bytes {first}-{end - 1}/{size}"})


def _bounds(wanted: re.Match[str], size: int) -> tuple[int, int]:
    first, last = wanted.group(1, 2)
    if not first:
        return max(0, size - int(last)), size
    return int(first), min(size, int(last) + 1 if last else size)


def _part(audio: MeetingAudio, first: int, end: int, status: int, headers: dict[str, str]) -> Response:
    length = {"Content-Length": str(end - first)}
    return StreamingResponse(audio.read(first, end), status, {**headers, **length}, media_type="audio/wav")
