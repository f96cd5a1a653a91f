"""The frames of the live socket."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter, ValidationError

from schema.core.errors import DecodeError, InvalidAudio
from schema.core.units import MEETING_LIMIT_SAMPLES
from schema.core.wire import Wire
from schema.mailbox.limits import check_piece

POSITION = struct.Struct("<Q")
"""A live frame begins with the position of its first sample: 8 bytes, little-endian."""


class Received(Wire):
    """How far the track's audio is safely received: where the producer goes on."""

    track: str
    received_sample: int


class SkipControl(Wire):
    """The producer lost what lies before `to_sample` for good; the span is booked as missing."""

    type: Literal["skip"]
    to_sample: int = Field(ge=0, le=MEETING_LIMIT_SAMPLES)


class FinishControl(Wire):
    type: Literal["finish"]


Control = Annotated[SkipControl | FinishControl, Field(discriminator="type")]


_CONTROL: TypeAdapter[SkipControl | FinishControl] = TypeAdapter(Control)


def decode_control(message: str) -> SkipControl | FinishControl:
    """A text frame of a live socket. Raises DecodeError."""
    try:
        return _CONTROL.validate_json(message)
    except ValidationError as error:
        raise DecodeError(
            f"{message[:80]!r} is no control message ({error.errors(include_url=False)[0]['msg']}); "
            'send {"type": "skip", "to_sample": N} or {"type": "finish"}'
        ) from error


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """A binary frame of a live socket: `first_sample` and PCM16."""

    first_sample: int
    pcm: bytes

    @classmethod
    def decode(cls, message: bytes, limit_bytes: int) -> LiveFrame:
        """Raises InvalidAudio or AudioTooFar naming the value."""
        if len(message) < POSITION.size:
            raise InvalidAudio(
                f"a frame of {len(message)} bytes has no position; send 8 bytes little-endian first sample, then PCM16"
            )
        (first_sample,) = POSITION.unpack_from(message)
        pcm = message[POSITION.size :]
        check_piece(first_sample, len(pcm), limit_bytes)
        return cls(first_sample, pcm)

    def encode(self) -> bytes:
        return POSITION.pack(self.first_sample) + self.pcm
