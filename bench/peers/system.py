"""The interface of the compared systems."""

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
"""How long a client waits for its text after the end of the audio."""


@dataclass(frozen=True, slots=True)
class PeerStream:
    """One stream as seen by its client."""

    speech: Speech
    committed: CommittedText
    sent: SendLog
    cut_off: bool = False
    """The client stopped waiting for the end of the text."""


@dataclass(frozen=True, slots=True)
class RunningPeer:
    """A running system."""

    stream: Callable[[Speech], Awaitable[PeerStream]]
    """Stream in real time and return when the system reports that it has finished."""
    processes: Callable[[], Sequence[psutil.Process]]
    """All processes of the system, without the clients."""


@dataclass(frozen=True, slots=True)
class PeerSystem:
    name: str
    version: str
    how: str
    """Relevant settings, for readers of the figures."""
    started: Callable[[], AbstractContextManager[RunningPeer]]
    """Runs the system until the block ends. Raises Unavailable if it does not start."""


async def send_in_real_time(socket: ClientConnection, speech: Speech, sent: SendLog) -> None:
    """Send PCM16 in chunks of 100 ms, each when its end would have been spoken, and record the times in *sent*."""
    end_sample = 0
    async for pcm in paced(from_memory(pcm_chunks(speech.pcm)), speed=1.0):
        end_sample += len(pcm) // BYTES_PER_SAMPLE
        sent.note(end_sample, time.monotonic())
        await socket.send(pcm)
