"""What the comparison asks of a system, ours or another's."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import psutil
from websockets.asyncio.client import ClientConnection

from api.client.audio_source import pcm_chunks
from api.client.pace import from_memory, paced
from api.client.resend import SendLog
from bench.peers.words import CommittedText
from bench.speech import Speech
from schema.core.units import BYTES_PER_SAMPLE

PATIENCE_S = 120.0
"""How long after the end of the audio a client still waits for its text."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One stream as its client saw it."""

    speech: Speech
    committed: CommittedText
    sent: SendLog
    cut_off: bool = False
    """The client gave up waiting for the end of the text."""


@dataclass(frozen=True, slots=True)
class Running:
    """A system that is up."""

    hear: Callable[[Speech], Awaitable[Heard]]
    """Stream in real time and return when the system says that it has finished."""
    processes: Callable[[], Sequence[psutil.Process]]
    """Everything of the system's, without its clients."""


@dataclass(frozen=True, slots=True)
class System:
    name: str
    version: str
    how: str
    """Settings that matter, for whoever reads the figures."""
    started: Callable[[], AbstractContextManager[Running]]
    """Up until the block ends. Raises Unavailable when it does not come up."""


async def send_in_real_time(socket: ClientConnection, speech: Speech, sent: SendLog) -> None:
    """PCM16 in chunks of 100 ms, each when its end would have been spoken, its time noted in *sent*."""
    end_sample = 0
    async for pcm in paced(from_memory(pcm_chunks(speech.pcm)), speed=1.0):
        end_sample += len(pcm) // BYTES_PER_SAMPLE
        sent.note(end_sample, time.monotonic())
        await socket.send(pcm)
