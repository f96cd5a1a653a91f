"""A form with a recording, on its way into the storage."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from dataclasses import dataclass

from fastapi import Request
from sqlalchemy import update

from api.auth.keys import Principal
from api.http.form_stream import Field, FileBegins, FileData, form_parts
from api.openai.errors import invalid
from api.openai.request import TranscriptionRequest, read_wanted
from api.services import Services
from api.uploads.receiver import FORM_EXPIRES_S, UploadReceiver
from schema.uploads.tables import Upload
from schema.uploads.wire import NewUpload

PRIORITY = 5
"""Somebody waits for the answer: such a file goes before others. An owner's share of places stays the same."""


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """A recording that is stored whole and waits to be decoded; `wanted` is what to do with its text."""

    upload_id: str
    meeting_id: str
    wanted: TranscriptionRequest


async def take_form(request: Request, services: Services, principal: Principal) -> StoredRecording:
    """Store the form's file. Its other fields may come before or after it.

    Raises what `read_wanted` and `UploadReceiver` raise, and ClientDisconnect; nothing is left of the file then.
    """
    fields: dict[str, list[str]] = defaultdict(list)
    receiver: UploadReceiver | None = None
    try:
        async for part in form_parts(request.headers.get("content-type", ""), request.stream()):
            match part:
                case Field(name, value):
                    fields[name].append(value)
                case FileBegins(field, name):
                    if field != "file" or receiver is not None:
                        raise invalid("file", f"the form has a file called '{field[:64]}'; send one, called 'file'")
                    new = _as_upload(await _read(services, fields))  # what is wrong is said before the file has come
                    receiver = await UploadReceiver.begin(
                        # Always again: a recording goes with its answer, so no two requests may share one.
                        services,
                        principal,
                        name,
                        new,
                        size_bytes=None,
                        expires_s=FORM_EXPIRES_S,
                        again=True,
                    )
                case FileData(data) if receiver is not None:
                    await receiver.write(data)
        if receiver is None:
            raise invalid("file", "the form has no file; send the recording as the field 'file'")
        wanted = await _read(services, fields)
        await receiver.finish(_as_upload(wanted).model_copy(update={"priority": PRIORITY}))
        if not services.config.openai_keep:
            await asyncio.to_thread(_hide, services, receiver.upload_id)
        return StoredRecording(receiver.upload_id, receiver.meeting_id, wanted)
    except BaseException as error:
        if receiver is not None:
            await receiver.abandon(error)
        raise


def _hide(services: Services, upload_id: str) -> None:
    """No later upload is told that it is the same as one that goes away."""
    with services.database.write() as session:
        session.execute(update(Upload).where(Upload.id == upload_id).values(sha256=None))


async def _read(services: Services, fields: dict[str, list[str]]) -> TranscriptionRequest:
    return await asyncio.to_thread(_read_now, services, fields)


def _read_now(services: Services, fields: dict[str, list[str]]) -> TranscriptionRequest:
    with services.database.read() as session:
        return read_wanted(session, fields, services.config.asr_model)


def _as_upload(wanted: TranscriptionRequest) -> NewUpload:
    return NewUpload(language=wanted.language, vocabulary=list(wanted.vocabulary), asr_adapter=wanted.adapter)
