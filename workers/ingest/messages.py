"""Messages from a decoder process to its worker, over a pipe, and the error for a bad file.

A message is a kind, a length, and a body.
"""

from __future__ import annotations

import json
import struct
from enum import Enum
from typing import Any, BinaryIO

from schema.uploads.failures import UploadFailure

HEAD = struct.Struct("<cI")
BLOCK_SAMPLES = 160_000
"""Samples of each track in one message: 10 s."""
TRACKS_LIMIT = 32
LONGEST_BYTES = 2 * BLOCK_SAMPLES * TRACKS_LIMIT
"""The size of a block with the highest number of tracks."""


class MessageKind(Enum):
    """`MEDIA`, `HOLE`, `END` and `FAULT` carry JSON. `PCM` carries PCM16, one track after the other.

    `ALIVE` carries nothing: the decoder works, but has no sound to send yet.
    """

    ALIVE = b"A"
    MEDIA = b"M"
    PCM = b"P"
    HOLE = b"H"
    END = b"E"
    FAULT = b"F"


def send(pipe: BinaryIO, kind: MessageKind, body: bytes) -> None:
    pipe.write(HEAD.pack(kind.value, len(body)))
    pipe.write(body)
    pipe.flush()


def send_facts(pipe: BinaryIO, kind: MessageKind, facts: dict[str, Any]) -> None:
    send(pipe, kind, json.dumps(facts).encode())


PASSING = frozenset({UploadFailure.STORAGE_AWAY, UploadFailure.DECODER_DIED, UploadFailure.DECODER_HUNG})
"""Reasons that may disappear by themselves, so the file is tried again."""


class DecodingFailed(Exception):
    """The file cannot be decoded, at least not now. `detail` names the problem and the remedy."""

    def __init__(self, reason: UploadFailure, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
