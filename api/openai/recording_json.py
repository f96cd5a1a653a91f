"""Receives a recording as base64 in JSON, which some clients send instead of a form.

    {"model": "whisper-1", "input_audio": {"data": "UklGR...", "format": "wav"}, "language": "en"}

The other members are the fields of the form.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError

from api.http.form_stream import FIELD_LIMIT_BYTES, FIELDS_LIMIT
from api.http.json_shape import check_json_body
from api.openai.errors import invalid_parameter
from api.uploads.form import Begin, Finish, FormFields
from schema.core.errors import InvalidInput, TooLarge

T = TypeVar("T")
MEDIA_TYPE = "application/json"
JSON_LIMIT_BYTES = 16 << 20
"""The body is held in memory as a whole. A form has no such limit, because its file is stored as it arrives."""


class InputAudio(BaseModel):
    """`data` is base64, also with the beginning of a data URL; `format` becomes the extension of the file's name."""

    model_config = ConfigDict(extra="ignore")
    data: str
    format: str = "wav"


async def receive_json(request: Request, begin: Begin, finish: Finish[T]) -> T:
    """Store the recording of a JSON body, and return what *finish* returns.

    Raises InvalidInput, TooLarge, ClientDisconnect, and the errors of *begin*, *finish* and `UploadReceiver`. Nothing
    of the recording remains then.
    """
    name, recording, fields = await asyncio.to_thread(_parsed, await _body(request))
    receiver = await begin(name, fields)
    try:
        await receiver.write(recording)
        return await finish(receiver, fields)
    except BaseException as error:
        await receiver.abandon(error)
        raise


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > JSON_LIMIT_BYTES:
            raise TooLarge(
                f"a JSON body may have {JSON_LIMIT_BYTES} bytes; send longer recordings as multipart/form-data",
                limit_bytes=JSON_LIMIT_BYTES,
            )
    return bytes(body)


def _parsed(body: bytes) -> tuple[str, bytes, FormFields]:
    """The name and the bytes of the recording, and the other members as the fields of a form."""
    check_json_body(body)
    try:
        members = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body is not JSON ({error}); send a JSON object or multipart/form-data") from error
    if not isinstance(members, dict):
        raise InvalidInput("the body is no JSON object; send one with the member 'input_audio'", param="input_audio")
    try:
        audio = InputAudio.model_validate(members.pop("input_audio", None))
        recording = base64.b64decode(audio.data.partition("base64,")[2] or audio.data, validate=True)
    except (ValidationError, binascii.Error, ValueError) as error:
        raise invalid_parameter(
            "input_audio", 'input_audio is no recording in base64; send {"data": "...", "format": "wav"}'
        ) from error
    return f"audio.{audio.format}", recording, {name: _texts(name, value) for name, value in members.items()}


def _texts(name: str, value: Any) -> list[str]:
    """A member as the values of a form field. Objects and null have no form; such members are left out.

    Raises InvalidInput above the limits of a form.
    """
    values = value if isinstance(value, list) else [value]
    texts = [each if isinstance(each, str) else json.dumps(each) for each in values if _is_scalar(each)]
    if len(texts) > FIELDS_LIMIT or sum(map(len, texts)) > FIELD_LIMIT_BYTES:
        raise invalid_parameter(
            name[:64], f"{name[:64]} has more than {FIELDS_LIMIT} values or {FIELD_LIMIT_BYTES} characters; send less"
        )
    return texts


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float)
