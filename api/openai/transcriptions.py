"""OpenAI's routes for recordings: one request, one text.

A recording is handled like every upload, but before uploads that nobody waits for.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.auth.bearer import Writer, until_revoked
from api.auth.keys import Principal
from api.export.documents import Export
from api.http.cancel import cancel
from api.http.problems import CLIENT_LEFT, internal_problem
from api.openai import reference
from api.openai.diarized import diarized_segments
from api.openai.errors import error_body, error_of
from api.openai.formats import transcription_response, whole_text
from api.openai.recording_form import receive_recording
from api.openai.transcription_job import TranscriptionJob
from api.services import Services, ServicesHere
from schema.core.errors import MinutebookError

PING_S = 15.0
"""A stream is never silent for longer than this: proxies close a connection that seems dead."""
T = TypeVar("T")

router = APIRouter(prefix="/v1/audio", tags=[reference.TAG], responses=reference.ERRORS)


@router.post("/transcriptions", summary="Transcribe a recording", **reference.RECORDING)
async def transcribe(request: Request, services: ServicesHere, principal: Writer) -> Response:
    """Transcribe the form's `file`. With `stream=true` the text is sent as it is committed.

    With `diarized_json` it is sent when the speakers are known, which is at the end.
    """
    return await _response(request, services, principal, translate=False)


@router.post("/translations", summary="Translate a recording into English", **reference.RECORDING)
async def translate(request: Request, services: ServicesHere, principal: Writer) -> Response:
    """Transcribe the form's `file` in English, whatever language is spoken. Not every model can."""
    return await _response(request, services, principal, translate=True)


async def _response(request: Request, services: Services, principal: Principal, *, translate: bool) -> Response:
    job = TranscriptionJob(services, await receive_recording(request, services, principal, translate=translate))
    key = request.state.credential
    if job.taken.wanted.stream:
        return await _stream_response(Deltas(job, services, key))
    try:
        export = await _until_disconnect(request, until_revoked(services, key, _whole_export(job)))
        return Response(status_code=CLIENT_LEFT) if export is None else transcription_response(export, job.taken.wanted)
    finally:
        await job.end()


async def _whole_export(job: TranscriptionJob) -> Export:
    async for _ in job.deltas():
        pass
    return await job.export()


async def _until_disconnect(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """Return the result of *work*. If the client disconnects first, cancel *work* and return None."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_disconnected(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        await cancel(working, leaving)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _stream_response(deltas: Deltas) -> Response:
    """Wait a little first: an early failure, such as a file that is not a recording, is answered with its status."""
    try:
        with suppress(TimeoutError):
            await deltas.wait(PING_S)
    except BaseException:
        await deltas.close()
        raise
    return EventStream(deltas)


class EventStream(StreamingResponse):
    """Closes its deltas even if the client disconnects before the first byte."""

    def __init__(self, deltas: Deltas) -> None:
        super().__init__(_events(deltas), media_type="text/event-stream")
        self._deltas = deltas

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._deltas.close()


async def _events(deltas: Deltas) -> AsyncIterator[str]:
    try:
        async for delta in deltas.with_pings():
            yield (
                ": still transcribing\n\n"
                if delta is None
                else _event({"type": "transcript.text.delta", "delta": delta})
            )
        export = await deltas.job.export()
        if deltas.job.taken.wanted.diarized:
            for number, segment in enumerate(diarized_segments(export.segments)):
                delta = f" {segment['text']}" if number else segment["text"]
                yield _event({"type": "transcript.text.delta", "delta": delta, "segment_id": segment["id"]})
                yield _event(segment)
        yield _event({"type": "transcript.text.done", **whole_text(export, deltas.job.taken.wanted)})
    except MinutebookError as error:
        yield _event({"error": error_of(error)})
    except HTTPException as error:
        yield _event({"error": {"message": error.detail, "type": "server_error", "param": None, "code": "timeout"}})
    except Exception as error:
        yield _event({"error": error_body(internal_problem(error, f"upload {deltas.job.taken.upload_id}"))})
    finally:  # before the stream ends: a client that has read all of it finds the recording deleted
        await deltas.close()


class Deltas:
    """Runs a job in a task of its own, so that a reader may stop waiting for a while. Always call `close`.

    The job ends with Unauthorized when *key* is revoked.
    """

    def __init__(self, job: TranscriptionJob, services: Services, key: str | None) -> None:
        self.job = job
        self._queue: deque[str] = deque()
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._run(services, key))

    async def wait(self, limit_s: float) -> None:
        """Wait for new text or the end. Raises TimeoutError, and the error that ended the job."""
        async with asyncio.timeout(limit_s):
            await self._changed.wait()
        if self._task.done():
            self._task.result()

    async def with_pings(self) -> AsyncIterator[str | None]:
        """Yield new text, and None if there was none for PING_S. Raises the error that ended the job."""
        while True:
            while self._queue:
                yield self._queue.popleft()
            if self._task.done():
                self._task.result()
                return
            self._changed.clear()
            try:
                await self.wait(PING_S)
            except TimeoutError:
                yield None

    async def close(self) -> None:
        try:
            await cancel(self._task)
        finally:  # the response of a client that left is cancelled at every await
            await self.job.end()

    async def _run(self, services: Services, key: str | None) -> None:
        try:
            await until_revoked(services, key, self._collect())
        finally:
            # `done` becomes true only after this function has returned; then the waiting reader must look again.
            asyncio.get_running_loop().call_soon(self._changed.set)

    async def _collect(self) -> None:
        async for delta in self.job.deltas():
            self._queue.append(delta)
            self._changed.set()


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, separators=(',', ':'))}\n\n"
