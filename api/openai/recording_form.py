"""Receives a request with a recording, and stores the recording as an upload."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request
from sqlalchemy import update

from api.auth.keys import Principal
from api.meetings.validation import with_defaults
from api.openai.recording_json import MEDIA_TYPE, receive_json
from api.openai.request import TranscriptionRequest, parse_request
from api.services import Services
from api.uploads.form import FormFields, receive_form
from api.uploads.receiver import FORM_EXPIRES_S, UploadReceiver
from schema.core.tables import now
from schema.speakers.wish import AUTO_SPEAKERS, NO_SPEAKERS
from schema.uploads.tables import Upload
from schema.uploads.wire import NewUpload

PRIORITY = 5
"""Somebody waits for the answer, so the file goes before others. Its owner gets no more decoding slots than before."""


@dataclass(frozen=True, slots=True)
class StoredRecording:
    """A recording that is stored completely and waits to be decoded. `wanted` says what to do with its text."""

    upload_id: str
    meeting_id: str
    wanted: TranscriptionRequest


async def receive_recording(
    request: Request, services: Services, principal: Principal, *, translate: bool = False
) -> StoredRecording:
    """Store the recording of a form or of a JSON body.

    Raises the errors of `parse_request`, `receive_form` and `receive_json`; nothing is stored then.
    """

    async def begin(name: str, fields: FormFields) -> UploadReceiver:
        new = with_defaults(_as_upload(await parse(fields)), principal, services.config)
        # With `again`, because a recording is deleted after its answer: two requests cannot share one.
        return await UploadReceiver.begin(
            services,
            principal,
            name,
            new,
            size_bytes=None,
            expires_s=FORM_EXPIRES_S,
            again=True,
            answer_by=None if services.config.openai_keep else _answer_by(services),
        )

    async def finish(receiver: UploadReceiver, fields: FormFields) -> StoredRecording:
        wanted = await parse(fields)
        new = with_defaults(_as_upload(wanted), principal, services.config)
        await receiver.finish(new.model_copy(update={"priority": PRIORITY}))
        if not services.config.openai_keep:
            await asyncio.to_thread(_exclude_from_duplicates, services, receiver.upload_id)
        return StoredRecording(receiver.upload_id, receiver.meeting_id, wanted)

    async def parse(fields: FormFields) -> TranscriptionRequest:
        return await asyncio.to_thread(_parse, services, fields, translate)

    is_json = request.headers.get("content-type", "").partition(";")[0].strip().lower() == MEDIA_TYPE
    return await (receive_json if is_json else receive_form)(request, begin, finish)


def _answer_by(services: Services) -> datetime:
    """The latest time of the answer to a request that begins now."""
    return now() + timedelta(seconds=FORM_EXPIRES_S + services.config.openai_wait_s)


def _exclude_from_duplicates(services: Services, upload_id: str) -> None:
    """Forget the checksum of a recording that will be deleted, so that no later upload is a duplicate of it."""
    with services.database.write() as session:
        session.execute(update(Upload).where(Upload.id == upload_id).values(sha256=None))


def _parse(services: Services, fields: FormFields, translate: bool) -> TranscriptionRequest:
    with services.database.read() as session:
        return parse_request(session, fields, services.config, translate=translate)


def _as_upload(wanted: TranscriptionRequest) -> NewUpload:
    return NewUpload(
        language=wanted.language,
        vocabulary=list(wanted.vocabulary),
        asr_adapter=wanted.adapter,
        translate=wanted.translate,
        speakers=AUTO_SPEAKERS if wanted.diarized else NO_SPEAKERS,
    )
