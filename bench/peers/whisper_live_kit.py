"""WhisperLiveKit (Apache-2.0): its AlignAtt policy, the encoder in CTranslate2, the decoder in PyTorch."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from websockets.asyncio.client import ClientConnection, connect

from api.client.resend import SendLog
from bench.peers import server
from bench.peers.system import PATIENCE_S, Heard, Running, System, send_in_real_time
from bench.peers.words import CommittedText
from bench.speech import Speech


def whisper_live_kit(ctranslate: Path, hugging_face: Path, coalesce_s: float = 0.0) -> System:
    """The same model as both kinds of folder; the name of the second must end in `.en` for an English model.

    With *coalesce_s* it waits for so much new audio before it reads again, its remedy for machines that are too slow.
    """
    return System(
        f"WhisperLiveKit, {coalesce_s:g} s steps" if coalesce_s else "WhisperLiveKit",
        server.version("whisperlivekit"),
        f"AlignAtt, faster-whisper encoder, defaults, --asr-coalesce-min-s {coalesce_s:g}",
        partial(_started, ctranslate, hugging_face, coalesce_s),
    )


def alignment_heads(folder: Path) -> str:
    """The heads that follow the audio as its option wants them: a packed array (layers, heads) of bytes, 1 for one."""
    config = json.loads((folder / "config.json").read_text())
    listed = json.loads((folder / "generation_config.json").read_text())["alignment_heads"]
    heads = np.zeros((config["decoder_layers"], config["decoder_attention_heads"]), bool)
    for layer, head in listed:
        heads[layer, head] = True
    return base64.b85encode(gzip.compress(heads.tobytes(), mtime=0)).decode()


def committed_text(message: dict[str, Any]) -> str:
    """What stands: the lines. Text that may still change has a field of its own, `buffer_transcription`."""
    return " ".join(line["text"].strip() for line in message.get("lines", ()) if line.get("text"))


@contextmanager
def _started(ctranslate: Path, hugging_face: Path, coalesce_s: float) -> Iterator[Running]:
    port = server.free_port()
    command: list[str | Path] = [server.PYTHON, "-m", "whisperlivekit.basic_server"]
    command += ["--host", server.HOST, "--port", str(port)]
    command += ["--pcm-input", "--language", "en", "--model", "tiny.en", "--warmup-file", ""]
    command += ["--asr-coalesce-min-s", str(coalesce_s)]
    command += ["--backend", "faster-whisper", "--encoder-model-path", ctranslate]
    command += ["--decoder-model-path", hugging_face, "--custom-alignment-heads", alignment_heads(hugging_face)]
    with server.running("whisperlivekit", command, f"http://{server.HOST}:{port}/health") as service:
        yield Running(partial(_hear, f"ws://{server.HOST}:{port}/asr"), partial(server.processes, service))


async def _hear(url: str, speech: Speech) -> Heard:
    committed, sent = CommittedText(), SendLog()
    async with connect(url, max_size=1 << 24) as socket:
        sending = asyncio.create_task(_send(socket, speech, sent))
        try:
            async with asyncio.timeout(speech.seconds + PATIENCE_S):
                await _receive(socket, committed)
                await sending
        except TimeoutError:
            return Heard(speech, committed, sent, cut_off=True)
        finally:
            sending.cancel()
    return Heard(speech, committed, sent)


async def _send(socket: ClientConnection, speech: Speech, sent: SendLog) -> None:
    await send_in_real_time(socket, speech, sent)
    await socket.send(b"")


async def _receive(socket: ClientConnection, committed: CommittedText) -> None:
    async for raw in socket:
        at_s, message = time.monotonic(), json.loads(raw)
        if message.get("type") == "ready_to_stop":
            return
        if "lines" in message:
            committed.take(committed_text(message), at_s)
