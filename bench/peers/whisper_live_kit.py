"""WhisperLiveKit (Apache-2.0): its AlignAtt policy, with the encoder in CTranslate2 and the decoder in PyTorch."""

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
from bench.peers.system import PATIENCE_S, PeerStream, PeerSystem, RunningPeer, send_in_real_time
from bench.peers.words import CommittedText
from bench.speech import Speech


def whisper_live_kit(ctranslate: Path, hugging_face: Path, coalesce_s: float = 0.0) -> PeerSystem:
    """The same model in both folder formats. The second folder's name must end in `.en` for an English model.

    With *coalesce_s*, it waits for this much new audio before it decodes again, as it recommends for slow machines.
    """
    return PeerSystem(
        f"WhisperLiveKit, {coalesce_s:g} s steps" if coalesce_s else "WhisperLiveKit",
        server.version("whisperlivekit"),
        f"AlignAtt, faster-whisper encoder, defaults, --asr-coalesce-min-s {coalesce_s:g}",
        partial(_started, ctranslate, hugging_face, coalesce_s),
    )


def alignment_heads(folder: Path) -> str:
    """The alignment heads in the format of its option: a packed byte array (layers, heads) with 1 for an alignment
    head.
    """
    config = json.loads((folder / "config.json").read_text())
    listed = json.loads((folder / "generation_config.json").read_text())["alignment_heads"]
    heads = np.zeros((config["decoder_layers"], config["decoder_attention_heads"]), bool)
    for layer, head in listed:
        heads[layer, head] = True
    return base64.b85encode(gzip.compress(heads.tobytes(), mtime=0)).decode()


def committed_text(message: dict[str, Any]) -> str:
    """The final text, which is in `lines`. Text that may still change is in `buffer_transcription`."""
    return " ".join(line["text"].strip() for line in message.get("lines", ()) if line.get("text"))


@contextmanager
def _started(ctranslate: Path, hugging_face: Path, coalesce_s: float) -> Iterator[RunningPeer]:
    port = server.free_port()
    command: list[str | Path] = [server.PYTHON, "-m", "whisperlivekit.basic_server"]
    command += ["--host", server.HOST, "--port", str(port)]
    command += ["--pcm-input", "--language", "en", "--model", "tiny.en", "--warmup-file", ""]
    command += ["--asr-coalesce-min-s", str(coalesce_s)]
    command += ["--backend", "faster-whisper", "--encoder-model-path", ctranslate]
    command += ["--decoder-model-path", hugging_face, "--custom-alignment-heads", alignment_heads(hugging_face)]
    with server.serve("whisperlivekit", command, f"http://{server.HOST}:{port}/health") as service:
        yield RunningPeer(partial(_stream, f"ws://{server.HOST}:{port}/asr"), partial(server.processes, service))


async def _stream(url: str, speech: Speech) -> PeerStream:
    committed, sent = CommittedText(), SendLog()
    async with connect(url, max_size=1 << 24) as socket:
        sending = asyncio.create_task(_send(socket, speech, sent))
        try:
            async with asyncio.timeout(speech.seconds + PATIENCE_S):
                await _receive(socket, committed)
                await sending
        except TimeoutError:
            return PeerStream(speech, committed, sent, cut_off=True)
        finally:
            sending.cancel()
    return PeerStream(speech, committed, sent)


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
