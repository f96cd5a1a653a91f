"""Routes of uploads: sending a file in one request, and managing uploads."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from sqlalchemy import select, tuple_, update
from sqlalchemy.orm import Session

from api.auth.bearer import Reader, Writer
from api.auth.keys import Principal
from api.http import examples
from api.http.examples import MEETING, MEETINGS, STARTED_AT
from api.http.params import decode_cursor, encode_cursor
from api.http.problems import responses
from api.meetings.routes import ANY
from api.meetings.validation import with_defaults
from api.services import Services, ServicesHere
from api.uploads.form import FormFields, receive_form
from api.uploads.receiver import FORM_EXPIRES_S, StoredUpload, UploadReceiver, check_options, check_priority, tell
from schema.core.errors import (
    Backlogged,
    InvalidInput,
    NotFound,
    StorageFull,
    TooLarge,
    Unavailable,
    UnknownAdapter,
    UnknownLanguage,
)
from schema.core.states import AUTO_STREAMS, Channels, Scope, UploadState
from schema.meetings.wire import CoverageTotals
from schema.minutes.briefing import SEPARATORS, split_list
from schema.uploads.failures import UploadFailure
from schema.uploads.lifecycle import ENDED, drop_file, give_up
from schema.uploads.tables import Upload
from schema.uploads.views import upload_out
from schema.uploads.wire import NewUpload, UploadChange, UploadOut, UploadPage

UPLOAD = UploadOut(
    id="91b1f3d0c2a94be5a3a7d2aa",
    meeting_id=MEETING.id,
    name="launch.mp4",
    state=UploadState.TRANSCRIBING,
    priority=0,
    paused=False,
    channels=Channels.MIX,
    streams=AUTO_STREAMS,
    size_bytes=48_213_110,
    received_bytes=48_213_110,
    sha256="9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    media={"container": "mov,mp4,m4a,3gp,3g2,mj2", "codec": "aac", "rate_hz": 48_000, "channels": 2, "video": True},
    duration_s=3600.0,
    decoded_s=3600.0,
    transcribed_s=1800.0,
    percent=50.0,
    speed=45.0,
    left_s=40.0,
    minutes_percent=0.0,
    coverage=CoverageTotals(
        duration_s=3600.0, received_s=3600.0, transcribed_s=1690.0, silent_s=100.0, failed_s=10.0, pending_s=1800.0
    ),
    failed_reason="repetition",
    duplicate_of="1d3bf0c2a94be5a3a7d291b1",
    reason=UploadFailure.TOO_LONG,
    detail="Why the upload ended, and what to do",
    created_at=STARTED_AT,
    expires_at=STARTED_AT + timedelta(days=1),
    finished_at=STARTED_AT + timedelta(minutes=3),
    file_deleted_at=STARTED_AT + timedelta(days=30),
)
UPLOADS = UploadPage(uploads=[UPLOAD], next_cursor=MEETINGS.next_cursor)

router = APIRouter(prefix="/v1/uploads", tags=["uploads"], responses=responses(*ANY))
RECEIVING = (InvalidInput, UnknownAdapter, UnknownLanguage, TooLarge, StorageFull, Backlogged, Unavailable)
ABOUT_THE_FILE = frozenset({"name", "type", "relativePath"})
"""Fields that Uppy sends with a file unless it is told not to. Its name is read from the part `file`."""
KNOWN: dict[str, Any] = {
    "model": UploadOut,
    "description": "The upload of the same file that was sent before",
    **examples.response(UPLOAD)[200],
}
FORM: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        **NewUpload.model_json_schema(ref_template="#/components/schemas/{model}")["properties"],
                        "channels": {"type": "string", "enum": ["mix", "speakers"], "default": "mix"},
                    },
                }
            }
        },
    }
}


@router.post(
    "",
    summary="Upload a recording",
    status_code=201,
    openapi_extra=FORM,
    responses={**responses(*RECEIVING), **examples.response(UPLOAD, 201), 200: KNOWN},
)
async def create(
    request: Request,
    response: Response,
    services: ServicesHere,
    principal: Writer,
    again: Annotated[bool, Query(description="Take the file even if it was sent before")] = False,
) -> UploadOut:
    """Send a sound or video recording as the field `file` of a form. The other fields are options.

    The meeting of the recording is created at once; its transcript and minutes follow later. A file that this key has
    sent before is not taken twice: the answer is 200 with the earlier upload, unless `again=1`.
    """
    stored = await _receive_upload(request, services, principal, again)
    if stored.known:
        response.status_code = 200
    return stored.upload


async def _receive_upload(request: Request, services: Services, principal: Principal, again: bool) -> StoredUpload:
    begun_with = NewUpload()

    async def begin(name: str, fields: FormFields) -> UploadReceiver:
        nonlocal begun_with
        begun_with = with_defaults(wanted_of(fields), principal, services.config)
        return await UploadReceiver.begin(
            services, principal, name, begun_with, size_bytes=None, expires_s=FORM_EXPIRES_S, again=again
        )

    async def finish(receiver: UploadReceiver, fields: FormFields) -> StoredUpload:
        wanted = with_defaults(wanted_of(fields), principal, services.config)
        await asyncio.to_thread(check_options, services, principal, wanted)
        return await receiver.finish(None if wanted == begun_with else wanted)

    return await receive_form(request, begin, finish)


def wanted_of(fields: FormFields) -> NewUpload:
    """The options in the form's fields. A list is one field or several, whose values `SEPARATORS` separate."""
    values: dict[str, Any] = {name: values[-1] for name, values in fields.items() if name not in ABOUT_THE_FILE}
    for name in SEPARATORS.keys() & values.keys():
        values[name] = [value for text in fields[name] for value in split_list(name, text)]
    try:
        return NewUpload.model_validate(values)
    except ValidationError as error:
        raise RequestValidationError(error.errors(include_url=False)) from error


@router.get("", summary="List uploads", responses=examples.response(UPLOADS))
def list_uploads(
    services: ServicesHere,
    principal: Reader,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    state: Annotated[UploadState | None, Query(description="Only uploads in this state")] = None,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the previous page")] = None,
) -> UploadPage:
    """List the uploads of this key, newest first."""
    wanted = select(Upload)
    if not principal.may(Scope.ADMIN):
        wanted = wanted.where(Upload.owner == principal.owner)
    wanted = wanted.where(Upload.answer_by.is_(None) | Upload.state.not_in(ENDED))
    if state is not None:
        wanted = wanted.where(Upload.state == state)
    if cursor is not None:
        wanted = wanted.where(tuple_(Upload.created_at, Upload.id) < decode_cursor(cursor))
    with services.database.read() as session:
        newest = wanted.order_by(Upload.created_at.desc(), Upload.id.desc()).limit(limit + 1)
        found = session.scalars(newest).all()
        page = [upload_out(session, upload) for upload in found[:limit]]
    last = found[limit - 1] if len(found) > limit else None
    return UploadPage(uploads=page, next_cursor=encode_cursor(last.created_at, last.id) if last else None)


@router.get("/{upload_id}", summary="Show an upload", responses={**responses(NotFound), **examples.response(UPLOAD)})
def show(upload_id: str, services: ServicesHere, principal: Reader) -> UploadOut:
    """Show one upload: its state, its progress, and the reason if it failed."""
    with services.database.read() as session:
        return upload_out(session, find_upload(session, upload_id, principal))


@router.patch(
    "/{upload_id}",
    summary="Pause, resume or prioritise an upload",
    responses={**responses(NotFound), **examples.response(UPLOAD)},
)
def change(upload_id: str, wanted: UploadChange, services: ServicesHere, principal: Writer) -> UploadOut:
    """Pause or resume an upload, or change its priority. Audio that is already decoded is still transcribed."""
    check_priority(principal, wanted.priority)
    values = wanted.model_dump(exclude_none=True)
    with services.database.read() as session:
        find_upload(session, upload_id, principal)
    if values:
        with services.database.write() as session:
            session.execute(update(Upload).where(Upload.id == upload_id).values(values))
        services.task_sender.ingest(upload_id)
    return tell(services, upload_id)


@router.delete("/{upload_id}", summary="Cancel an upload", status_code=204, responses=responses(NotFound, Unavailable))
async def cancel(upload_id: str, services: ServicesHere, principal: Writer) -> Response:
    """Cancel an upload, and delete its meeting and its file.

    For a finished upload only the file is deleted; the meeting stays. Cancelling again changes nothing.
    """
    await asyncio.to_thread(cancel_upload, upload_id, services, principal)
    return Response(status_code=204)


def cancel_upload(upload_id: str, services: Services, principal: Principal) -> None:
    """Cancel an upload. Raises NotFound, Unavailable."""
    with services.database.read() as session:
        upload = find_upload(session, upload_id, principal)
    ended = give_up(
        services.stores,
        upload_id,
        UploadState.CANCELLED,
        reason=UploadFailure.CANCELLED,
        detail="somebody cancelled it",
        name="",
    )
    if not ended and upload.state in ENDED:
        drop_file(services.stores, upload_id)


def find_upload(session: Session, upload_id: str, principal: Principal) -> Upload:
    """Raises NotFound if there is no such upload or it belongs to another key."""
    upload = None if "\0" in upload_id else session.get(Upload, upload_id)
    if upload is None or not principal.sees(upload.owner):
        raise NotFound(f"this key has no upload '{upload_id[:64]}'; 'GET /v1/uploads' lists its uploads")
    return upload
