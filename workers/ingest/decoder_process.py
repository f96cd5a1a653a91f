"""Starts a decoder process and reads its messages from the pipe."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

from schema.core.states import Channels
from schema.uploads.failures import UploadFailure
from workers.ingest.merger import Hole
from workers.ingest.messages import HEAD, LONGEST_BYTES, DecodingFailed, MessageKind
from workers.ingest.sound import Pcm

READ_BYTES = 1 << 20
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(frozen=True, slots=True)
class DecodeRequest:
    """What to decode, and its limits. Sound before `from_sample` is left out."""

    storage: str
    file_id: str
    channels: Channels
    streams: str
    from_sample: int
    limit_samples: int
    memory_bytes: int
    step_limit_s: float
    niceness: int
    """How much nicer than its worker the decoder is."""


@dataclass(frozen=True, slots=True)
class MediaFound:
    """The file is readable. `channels` are the numbers of the channels that become tracks, or 1 for a mix of all.

    `facts` describe the format of the file.
    """

    channels: list[int]
    facts: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DecoderIsBusy:
    """The decoder compares the channels of the file, and has no sound yet."""


@dataclass(frozen=True, slots=True)
class DecodingEnded:
    """The file is decoded. `samples` is its length from the start of the file; `facts` report damage."""

    samples: int
    facts: dict[str, Any]


class DecoderProcess:
    """A running decoder process.

    The decoder blocks when its pipe is full. A file whose mailbox is full therefore uses no processor time, and little
    memory, until the worker reads from the pipe again.
    """

    def __init__(self, request: DecodeRequest) -> None:
        self._request = request
        facts = {name: getattr(request, name) for name in ("storage", "file_id", "channels", "streams")}
        limits = {name: getattr(request, name) for name in ("from_sample", "limit_samples", "memory_bytes", "niceness")}
        argument = json.dumps({**facts, **limits, "worker_pid": os.getpid()})
        self._process = subprocess.Popen(
            [sys.executable, "-m", "workers.ingest.decoder", argument],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            env={**os.environ, **ENVIRONMENT},
        )
        assert self._process.stdout is not None
        self._pipe = self._process.stdout.fileno()
        os.set_blocking(self._pipe, False)
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._pipe, selectors.EVENT_READ)
        self._held = bytearray()
        self._tracks = 0
        self._silent_s = 0.0

    @property
    def pid(self) -> int:
        return self._process.pid

    def has_output(self, wait_s: float) -> bool:
        """Wait *wait_s* at most for output. True also if there was none for so long that `next` finds the decoder hung.

        A worker that need not wait for this decoder alone calls it before `next`.
        """
        if self._held or self._selector.select(wait_s):
            return True
        self._silent_s += wait_s
        return self._silent_s >= self._request.step_limit_s

    def next(self) -> DecoderIsBusy | MediaFound | Pcm | Hole | DecodingEnded:
        """Return the next message: first `MediaFound`, then blocks of PCM16 and holes, and `DecodingEnded` last.

        A block has the shape (tracks, samples). Before `MediaFound` there may be `DecoderIsBusy`. Raises
        DecodingFailed; the process has then ended.
        """
        kind, body = self._message()
        match kind:
            case MessageKind.ALIVE:
                return DecoderIsBusy()
            case MessageKind.MEDIA:
                found = MediaFound(**json.loads(body))
                self._tracks = len(found.channels)
                return found
            case MessageKind.HOLE:
                return Hole(**json.loads(body))
            case MessageKind.PCM:
                return np.frombuffer(body, dtype="<i2").reshape(self._tracks, -1)
            case MessageKind.END:
                facts = json.loads(body)
                return DecodingEnded(facts.pop("samples"), facts)
            case MessageKind.FAULT:
                fault = json.loads(body)
                self.close()
                raise DecodingFailed(UploadFailure(fault["reason"]), fault["detail"])

    def close(self) -> None:
        """Kill the process. A second call changes nothing."""
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None and not self._process.stdout.closed:
            self._selector.close()
            self._process.stdout.close()

    def _message(self) -> tuple[MessageKind, bytes]:
        self._fill(HEAD.size)
        kind, length = HEAD.unpack_from(self._held)
        if length > LONGEST_BYTES:
            raise self._died()
        self._fill(HEAD.size + length)
        body = bytes(memoryview(self._held)[HEAD.size : HEAD.size + length])
        del self._held[: HEAD.size + length]
        return MessageKind(kind), body

    def _fill(self, size: int) -> None:
        """Read from the pipe until *size* bytes are held. A hung decoder is killed after the step limit."""
        while len(self._held) < size:
            if not self._selector.select(max(0.0, self._request.step_limit_s - self._silent_s)):
                self.close()
                raise DecodingFailed(
                    UploadFailure.DECODER_HUNG,
                    f"the decoder produced no output for {self._request.step_limit_s:g} s; send another audio format",
                )
            piece = os.read(self._pipe, READ_BYTES)
            if not piece:
                raise self._died()
            self._held += piece
            self._silent_s = 0.0

    def _died(self) -> DecodingFailed:
        self.close()
        how = f"exit status {self._process.returncode}"
        return DecodingFailed(
            UploadFailure.DECODER_DIED, f"the decoder died on this file ({how}); send the sound in another format"
        )
