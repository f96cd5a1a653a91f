"""WhisperLive (MIT): its faster-whisper server with one model for all clients."""

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
from bench.peers.system import PATIENCE_S, PeerStream, PeerSystem, RunningPeer, send_in_real_time
from bench.peers.words import CommittedText
from bench.speech import Speech
from schema.core.errors import Unavailable

QUIET_S = 15.0
"""WhisperLive's own client considers the text complete when the last segment has not changed for this long."""
START = (
    "import sys; from whisper_live.server import TranscriptionServer as Server; "
    "Server().run(sys.argv[1], port=int(sys.argv[2]), backend='faster_whisper', "
    "faster_whisper_custom_model_path=sys.argv[3], single_model=True, max_clients=int(sys.argv[4]))"
)
"""WhisperLive's start script is in its repository, but not in its package."""


@dataclass
class WhisperLiveTranscript:
    """Segments as they arrive: completed ones are final, the last one may change until the stream ends."""

    completed: dict[str, str] = field(default_factory=dict)
    """Text by start time. A message contains only the ten latest segments."""
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


def whisper_live(ctranslate: Path, clients: int) -> PeerSystem:
    """*clients* is the maximum number of simultaneous clients."""
    return PeerSystem(
        "WhisperLive",
        server.version("whisper-live"),
        "faster-whisper int8, one model for all clients, its client's defaults, voice activity on",
        partial(_started, ctranslate, clients),
    )


@contextmanager
def _started(ctranslate: Path, clients: int) -> Iterator[RunningPeer]:
    port = server.free_port()
    command: list[str | Path] = [server.PYTHON, "-c", START, server.HOST, str(port), ctranslate, str(clients)]
    with server.serve("whisperlive", command, f"http://{server.HOST}:{port}/") as service:
        yield RunningPeer(partial(_stream, f"ws://{server.HOST}:{port}"), partial(server.processes, service))


async def _stream(url: str, speech: Speech) -> PeerStream:
    transcript, committed, sent = WhisperLiveTranscript(), CommittedText(), SendLog()
    async with connect(url, max_size=1 << 24) as socket:
        await _begin(socket)
        receiving = asyncio.create_task(_receive(socket, transcript, committed))
        try:
            await send_in_real_time(socket, speech, sent)
            complete = await _wait_until_quiet(transcript, time.monotonic() + PATIENCE_S)
            await socket.send(b"END_OF_AUDIO")
        finally:
            receiving.cancel()
    # The last segment is final too when the stream ends: WhisperLive's own client writes it to its file.
    committed.take(f"{transcript.text} {transcript.last}", transcript.last_at_s)
    return PeerStream(speech, committed, sent, cut_off=not complete)


async def _begin(socket: ClientConnection) -> None:
    """Uses the client's defaults, except that the audio is sent as 16-bit integers."""
    options = {"uid": str(uuid.uuid4()), "language": "en", "task": "transcribe", "model": "tiny.en", "use_vad": True}
    options |= {"send_last_n_segments": 10, "no_speech_thresh": 0.45, "clip_audio": False, "same_output_threshold": 10}
    await socket.send(json.dumps(options | {"audio_format": "int16"}))
    answer = json.loads(await socket.recv())
    if answer.get("message") != "SERVER_READY":
        raise Unavailable(f"WhisperLive refused the stream and answered {answer}; see {server.FOLDER / 'log'}")


async def _receive(socket: ClientConnection, transcript: WhisperLiveTranscript, committed: CommittedText) -> None:
    async for raw in socket:
        at_s, message = time.monotonic(), json.loads(raw)
        if message.get("segments"):
            transcript.take(message["segments"], at_s)
            committed.take(transcript.text, at_s)


async def _wait_until_quiet(transcript: WhisperLiveTranscript, until_s: float) -> bool:
    """Wait until nothing has changed for QUIET_S. Returns False if that does not happen before *until_s*."""
    quiet_since_s = time.monotonic()
    while (quiet_s := time.monotonic() - max(transcript.last_at_s, quiet_since_s)) < QUIET_S:
        if time.monotonic() > until_s:
            return False
        await asyncio.sleep(QUIET_S - quiet_s)
    return True
