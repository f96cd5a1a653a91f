"""WhisperLive (MIT): its faster-whisper server, one model for all clients."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

from api.client.resend import SendLog
from bench.peers import server
from bench.peers.system import PATIENCE_S, Heard, Running, System, send_in_real_time
from bench.peers.words import CommittedText
from bench.speech import Speech
from schema.core.errors import Unavailable

QUIET_S = 15.0
"""Its own client takes the text to be complete when the last segment has not changed for so long."""
START = (
    "import sys; from whisper_live.server import TranscriptionServer as Server; "
    "Server().run(sys.argv[1], port=int(sys.argv[2]), backend='faster_whisper', "
    "faster_whisper_custom_model_path=sys.argv[3], single_model=True, max_clients=int(sys.argv[4]))"
)
"""Its script for this is in its repository, not in its package."""


@dataclass
class Transcript:
    """Segments as they come: completed ones stand, the last one may change until the stream ends."""

    completed: dict[str, str] = field(default_factory=dict)
    """Text by start: only the ten latest are in a message."""
    last: str = ""
    last_at_s: float = 0.0

    def take(self, segments: Sequence[dict[str, Any]], at_s: float) -> None:
        self.completed |= {each["start"]: each["text"].strip() for each in segments if each["completed"]}
        last = "" if segments[-1]["completed"] else segments[-1]["text"].strip()
        if last != self.last:
            self.last, self.last_at_s = last, at_s

    @property
    def text(self) -> str:
        return " ".join(self.completed.values())


def whisper_live(ctranslate: Path, clients: int) -> System:
    """*clients* is the largest number at once."""
    return System(
        "WhisperLive",
        server.version("whisper-live"),
        "faster-whisper int8, one model for all clients, its client's defaults, voice activity on",
        partial(_started, ctranslate, clients),
    )


@contextmanager
def _started(ctranslate: Path, clients: int) -> Iterator[Running]:
    port = server.free_port()
    command: list[str | Path] = [server.PYTHON, "-c", START, server.HOST, str(port), ctranslate, str(clients)]
    with server.running("whisperlive", command, f"http://{server.HOST}:{port}/") as service:
        yield Running(partial(_hear, f"ws://{server.HOST}:{port}"), partial(server.processes, service))


async def _hear(url: str, speech: Speech) -> Heard:
    transcript, committed, sent = Transcript(), CommittedText(), SendLog()
    async with connect(url, max_size=1 << 24) as socket:
        await _begin(socket)
        receiving = asyncio.create_task(_receive(socket, transcript, committed))
        try:
            await send_in_real_time(socket, speech, sent)
            complete = await _quiet(transcript, time.monotonic() + PATIENCE_S)
            await socket.send(b"END_OF_AUDIO")
        finally:
            receiving.cancel()
    # What the last segment says when the stream ends is final too: its own client writes it into its file.
    committed.take(f"{transcript.text} {transcript.last}", transcript.last_at_s)
    return Heard(speech, committed, sent, cut_off=not complete)


async def _begin(socket: ClientConnection) -> None:
    """Its client's defaults, save that the audio is sent as 16-bit integers."""
    options = {"uid": str(uuid.uuid4()), "language": "en", "task": "transcribe", "model": "tiny.en", "use_vad": True}
    options |= {"send_last_n_segments": 10, "no_speech_thresh": 0.45, "clip_audio": False, "same_output_threshold": 10}
    await socket.send(json.dumps(options | {"audio_format": "int16"}))
    answer = json.loads(await socket.recv())
    if answer.get("message") != "SERVER_READY":
        raise Unavailable(f"WhisperLive took no stream but answered {answer}; see {server.FOLDER / 'log'}")


async def _receive(socket: ClientConnection, transcript: Transcript, committed: CommittedText) -> None:
    async for raw in socket:
        at_s, message = time.monotonic(), json.loads(raw)
        if message.get("segments"):
            transcript.take(message["segments"], at_s)
            committed.take(transcript.text, at_s)


async def _quiet(transcript: Transcript, until_s: float) -> bool:
    """Wait until nothing has changed for QUIET_S; False when that is not so by *until_s*."""
    quiet_since_s = time.monotonic()
    while (quiet_s := time.monotonic() - max(transcript.last_at_s, quiet_since_s)) < QUIET_S:
        if time.monotonic() > until_s:
            return False
        await asyncio.sleep(QUIET_S - quiet_s)
    return True
