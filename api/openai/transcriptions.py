"""OpenAI's doors for recordings: one request, one text.

They go the way of every upload, before those that nobody waits for.
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
from starlette.requests import ClientDisconnect
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from api.auth.bearer import Writer
from api.export.documents import Export
from api.http.cancel import cancel
from api.http.problems import internal_problem
from api.openai.errors import error_body, error_of, invalid
from api.openai.formats import answer, joined, usage
from api.openai.recording_form import take_form
from api.openai.transcription_job import TranscriptionJob
from api.services import ServicesHere
from schema.core.errors import MinutebookError

PING_S = 15.0
"""A stream says nothing for no longer than this, or something on the way would take it for dead."""
CLIENT_LEFT = 499
T = TypeVar("T")

router = APIRouter(prefix="/v1/audio", include_in_schema=False)


@router.post("/transcriptions")
async def transcribe(request: Request, services: ServicesHere, principal: Writer) -> Response:
    """What is said in the form's `file`. With `stream=true` the text comes as it is committed."""
    try:
        job = TranscriptionJob(services, await take_form(request, services, principal))
    except ClientDisconnect:
        return Response(status_code=CLIENT_LEFT)
    if job.taken.wanted.stream:
        return await _streamed(job)
    try:
        heard = await _unless_gone(request, _heard(job))
        return Response(status_code=CLIENT_LEFT) if heard is None else answer(heard, job.taken.wanted)
    finally:
        await job.end()


@router.post("/translations")
async def translate(services: ServicesHere, _principal: Writer) -> Response:
    """Translating needs a model that can; the transcription doors do not pretend to."""
    model = services.config.asr_model
    why = "knows English only" if model.endswith(".en") else "is served for transcription only"
    raise invalid("model", f"the model '{model}' {why}, it does not translate; use POST /v1/audio/transcriptions")


async def _heard(job: TranscriptionJob) -> Export:
    async for _ in job.deltas():
        pass
    return await job.export()


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T | None:
    """What *work* returns; None, with *work* cancelled, when the client leaves before."""
    working = asyncio.create_task(work)
    leaving = asyncio.create_task(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        await cancel(working, leaving)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _streamed(job: TranscriptionJob) -> Response:
    """What goes wrong soon, such as a file that is no recording, is an error with a status of its own."""
    deltas = Deltas(job)
    try:
        with suppress(TimeoutError):
            await deltas.wait(PING_S)
    except BaseException:
        await deltas.close()
        raise
    return EventStream(deltas)


class EventStream(StreamingResponse):
    """Lets go of its hearing even when the client left before the first byte."""

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
            yield ": still at it\n\n" if delta is None else _event({"type": "transcript.text.delta", "delta": delta})
        export = await deltas.job.export()
        yield _event({"type": "transcript.text.done", "text": joined(export.segments), "usage": usage(export)})
    except MinutebookError as error:
        yield _event({"error": error_of(error)})
    except HTTPException as error:
        yield _event({"error": {"message": error.detail, "type": "server_error", "param": None, "code": "timeout"}})
    except Exception as error:
        yield _event({"error": error_body(internal_problem(error, f"upload {deltas.job.taken.upload_id}"))})
    finally:  # before the stream ends: who has read all of it finds nothing left
        await deltas.close()


class Deltas:
    """A hearing in a task of its own, so that whoever reads it may stop waiting for a moment. Always `close` it."""

    def __init__(self, job: TranscriptionJob) -> None:
        self.job = job
        self._new: deque[str] = deque()
        self._changed = asyncio.Event()
        self._task = asyncio.create_task(self._run())

    async def wait(self, limit_s: float) -> None:
        """Until there is something new, or the end. Raises TimeoutError, and what ended the hearing."""
        async with asyncio.timeout(limit_s):
            await self._changed.wait()
        if self._task.done():
            self._task.result()

    async def with_pings(self) -> AsyncIterator[str | None]:
        """What is new, and None when nothing was for PING_S. Raises what ended the hearing."""
        while True:
            while self._new:
                yield self._new.popleft()
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
        finally:  # a client that left has its response cancelled at every turn
            await self.job.end()

    async def _run(self) -> None:
        try:
            async for delta in self.job.deltas():
                self._new.append(delta)
                self._changed.set()
        finally:
            # Its own end is seen by `done` only after this; whoever waits looks again then.
            asyncio.get_running_loop().call_soon(self._changed.set)


def _event(data: dict[str, Any]) -> str:
    return f"data: {json.dumps(data, separators=(',', ':'))}\n\n"
