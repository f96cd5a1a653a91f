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
"""A live frame starts with the position of its first sample: 8 bytes, little-endian."""


class Received(Wire):
    """Audio before `received_sample` is stored. The producer continues there."""

    track: str
    received_sample: int


class SkipControl(Wire):
    """The producer has lost the audio before `to_sample` for good. The span is booked as missing."""

    type: Literal["skip"]
    to_sample: int = Field(ge=0, le=MEETING_LIMIT_SAMPLES)


class FinishControl(Wire):
    type: Literal["finish"]


Control = Annotated[SkipControl | FinishControl, Field(discriminator="type")]


CONTROL_LIMIT_CHARACTERS = 1000
_CONTROL: TypeAdapter[SkipControl | FinishControl] = TypeAdapter(Control)


def decode_control(message: str) -> SkipControl | FinishControl:
    """Decode a text frame of a live socket. Raises DecodeError."""
    if len(message) > CONTROL_LIMIT_CHARACTERS:
        raise DecodeError(
            f"a control message has {len(message)} characters, the limit is {CONTROL_LIMIT_CHARACTERS}; "
            "send audio in binary frames"
        )
    try:
        return _CONTROL.validate_json(message)
    except ValidationError as error:
        raise DecodeError(
            f"{message[:80]!r} is not a control message ({error.errors(include_url=False)[0]['msg']}); "
            'send {"type": "skip", "to_sample": N} or {"type": "finish"}'
        ) from error


@dataclass(frozen=True, slots=True)
class LiveFrame:
    """A binary frame of a live socket: `first_sample` and PCM16."""

    first_sample: int
    pcm: bytes

    @classmethod
    def decode(cls, message: bytes, limit_bytes: int) -> LiveFrame:
        """Decode a binary frame. Raises InvalidAudio or AudioTooFar."""
        if len(message) < POSITION.size:
            raise InvalidAudio(
                f"a frame of {len(message)} bytes has no position; send the first sample as 8 bytes, little-endian, "
                "then PCM16"
            )
        (first_sample,) = POSITION.unpack_from(message)
        pcm = message[POSITION.size :]
        check_piece(first_sample, len(pcm), limit_bytes)
        return cls(first_sample, pcm)

    def encode(self) -> bytes:
        return POSITION.pack(self.first_sample) + self.pcm
