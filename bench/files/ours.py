"""A file through the whole stack: in at the door, through decoder, mailbox and workers, until SQL has it all."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

from api.client import Http
from bench.files.peer import Transcribed
from bench.usage import of_stack, watched
from deploy.supervisor import Stack
from schema.core.errors import MinutebookError
from schema.core.states import MeetingState

POLL_S = 0.25
STILL_READ = (MeetingState.LIVE, MeetingState.DRAINING)


async def send(http: Http, audio: Path) -> tuple[str, str]:
    """Upload *audio*, even if it was sent before. Returns the ids of upload and meeting."""
    with audio.open("rb") as file:
        answer = await http.call("POST", "/v1/uploads", params={"again": 1}, files={"file": (audio.name, file)})
    made = answer.json()
    return str(made["id"]), str(made["meeting_id"])


async def read_whole(http: Http, meeting_id: str, upload_id: str) -> str:
    """Wait until every sample is accounted for; returns the text. Raises MinutebookError when the upload fails."""
    while (await http.meeting(meeting_id)).state in STILL_READ:
        await asyncio.sleep(POLL_S)
    upload = (await http.call("GET", f"/v1/uploads/{upload_id}")).json()
    if upload["reason"]:
        raise MinutebookError(f"the upload failed: {upload['reason']}, {upload['detail']}")
    segments = json.loads(await http.export(meeting_id, "json"))["segments"]
    return " ".join(segment["text"] for segment in segments)


async def transcribe(stack: Stack, audio: Path) -> Transcribed:
    async with Http(stack.api_url, timeout_s=120) as http, watched(of_stack(stack)) as usage:
        began_s = time.perf_counter()
        upload_id, meeting_id = await send(http, audio)
        text = await read_whole(http, meeting_id, upload_id)
        wall_s = time.perf_counter() - began_s
    return Transcribed(wall_s, usage.cpu_s, text)


async def quiet(stack: Stack) -> None:
    """Wait until the minutes of every meeting are written, so that they do not run into the next measurement."""
    async with Http(stack.api_url) as http:
        while any(meeting.state != MeetingState.FINISHED for meeting in await http.meetings()):
            await asyncio.sleep(1)
