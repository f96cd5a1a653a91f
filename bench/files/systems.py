"""The two systems that read the file: faster-whisper in a process of its own, and the whole stack."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from api.client.http import Http
from bench.usage import measure_usage, stack_processes
from deploy.fresh import ROOT
from deploy.supervisor import Stack
from schema.core.errors import MinutebookError, Unavailable
from schema.core.states import MeetingState

PYTHON = ROOT / "var" / "bench" / "files" / "venv" / "bin" / "python"
SCRIPT = Path(__file__).with_name("batched_pipeline.py")


@dataclass(frozen=True, slots=True)
class Transcribed:
    """One run over the whole file."""

    wall_s: float
    cpu_s: float
    text: str


def transcribe_with_faster_whisper(model: Path, audio: Path) -> Transcribed:
    """Runs int8, batch 8, beam 1 on all cores. Raises Unavailable if faster-whisper is not installed or fails."""
    if not PYTHON.is_file():
        raise Unavailable(f"{PYTHON} does not exist; `make bench-files` installs faster-whisper")
    cores = str(len(os.sched_getaffinity(0)))
    environment = {**os.environ, "OMP_NUM_THREADS": cores, "HF_HUB_OFFLINE": "1"}
    command = [str(PYTHON), "-I", str(SCRIPT), str(model), str(audio), cores]
    ran = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if ran.returncode:
        raise Unavailable(f"faster-whisper ended with {ran.returncode}: {ran.stderr.strip()[-500:]}")
    return Transcribed(**json.loads(ran.stdout))


POLL_S = 0.25
STILL_READ = (MeetingState.LIVE, MeetingState.DRAINING)


async def upload_audio(http: Http, audio: Path) -> tuple[str, str]:
    """Upload *audio*, even if it was uploaded before. Returns the ids of upload and meeting."""
    with audio.open("rb") as file:
        answer = await http.call("POST", "/v1/uploads", params={"again": 1}, files={"file": (audio.name, file)})
    made = answer.json()
    return str(made["id"]), str(made["meeting_id"])


async def wait_for_text(http: Http, meeting_id: str, upload_id: str) -> str:
    """Wait until every sample is accounted for and return the text. Raises MinutebookError if the upload fails."""
    while (await http.meeting(meeting_id)).state in STILL_READ:
        await asyncio.sleep(POLL_S)
    upload = (await http.call("GET", f"/v1/uploads/{upload_id}")).json()
    if upload["reason"]:
        raise MinutebookError(f"the upload failed: {upload['reason']}, {upload['detail']}")
    segments = json.loads(await http.export(meeting_id, "json"))["segments"]
    return " ".join(segment["text"] for segment in segments)


async def transcribe_with_minutebook(stack: Stack, audio: Path) -> Transcribed:
    async with Http(stack.api_url, timeout_s=120) as http, measure_usage(stack_processes(stack)) as usage:
        began_s = time.perf_counter()
        upload_id, meeting_id = await upload_audio(http, audio)
        text = await wait_for_text(http, meeting_id, upload_id)
        wall_s = time.perf_counter() - began_s
    return Transcribed(wall_s, usage.cpu_s, text)


async def wait_for_minutes(stack: Stack) -> None:
    """Wait until all minutes are written, so that they do not disturb the next measurement."""
    async with Http(stack.api_url) as http:
        while any(meeting.state != MeetingState.FINISHED for meeting in await http.meetings()):
            await asyncio.sleep(1)
