"""Routes of resumable uploads with the tus protocol: after a broken connection an upload continues where it stopped.

An upload is a row in SQL like any other. So it can also be seen, paused and cancelled under `/v1/uploads`, and every
API process can continue it.
"""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response
from sqlalchemy import select
from starlette.requests import ClientDisconnect

from api.auth.bearer import Reader, Writer
from api.auth.keys import Principal
from api.http.problems import responses
from api.meetings.routes import ANY
from api.meetings.validation import with_defaults
from api.services import Services, ServicesHere
from api.uploads.receiver import UploadReceiver, known_upload
from api.uploads.routes import RECEIVING, cancel_upload, find_upload, wanted_of
from api.uploads.tus_protocol import (
    ALGORITHMS,
    EXTENSIONS,
    PATH,
    PIECE_TYPE,
    VERSION,
    Checksum,
    check_piece_type,
    http_date,
    is_piece_type,
    metadata_of,
)
from schema.core.errors import (
    ChecksumMismatch,
    Gone,
    InvalidInput,
    NotFound,
    RequestTimeout,
    TooLarge,
    UnsupportedMediaType,
    WrongOffset,
)
from schema.core.states import UploadState
from schema.meetings.tables import Meeting
from schema.uploads.lifecycle import GIVEN_UP, check_receiving
from schema.uploads.tables import Upload
from schema.uploads.wire import NewUpload

router = APIRouter(prefix=PATH, tags=["resumable uploads"], responses=responses(*ANY))

CHECKED_LIMIT_BYTES = 16 << 20
"""A piece with a checksum is held in memory, because nothing of it may be stored before it is checked."""
OPTIONS = frozenset(NewUpload.model_fields)
METADATA = OPTIONS | {"filename", "name", "sha256", "again"}
"""The keys of metadata that have a meaning here. All others are ignored."""
_SHA256 = re.compile("[0-9a-f]{64}")
PIECE: dict[str, Any] = {
    "requestBody": {"required": True, "content": {PIECE_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
}
Offset = Annotated[int, Header(ge=0, description="The position at which this piece begins")]


@router.options("", summary="Show the server's tus capabilities", status_code=204)
def abilities(services: ServicesHere) -> Response:
    """Show the version and the extensions of the protocol that this server supports."""
    return Response(
        status_code=204,
        headers={
            "Tus-Version": VERSION,
            "Tus-Extension": EXTENSIONS,
            "Tus-Max-Size": str(services.config.upload_limit_bytes),
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        },
    )


@router.post("", summary="Begin a resumable upload", status_code=201, responses=responses(*RECEIVING, ChecksumMismatch))
async def create(
    request: Request,
    services: ServicesHere,
    principal: Writer,
    upload_length: Annotated[int | None, Header(ge=1, description="The size of the file in bytes")] = None,
    upload_metadata: Annotated[
        str, Header(description="`filename`, and the options of an upload in a form. Other keys are ignored")
    ] = "",
    upload_concat: Annotated[str | None, Header(include_in_schema=False)] = None,
) -> Response:
    """Begin an upload. Send its pieces to the URL in `Location`.

    With `sha256` in the metadata, a file that this key has sent before need not be sent again: `Location` is the
    earlier upload, and `Upload-Offset` is how much of it was received. With `again` the file is taken once more.
    """
    if upload_concat is not None:
        raise InvalidInput(
            f"Upload-Concat is {upload_concat[:40]!r}, but uploads are not concatenated here; send the file as one "
            "upload, for example with 'parallelUploads: 1' in tus-js-client"
        )
    if upload_length is None:
        raise InvalidInput(
            "Upload-Length is missing; give the size of the file in bytes, a deferred length is not supported"
        )
    metadata = metadata_of(upload_metadata, METADATA)
    given = {key: [value] for key, value in metadata.items() if key in OPTIONS and value}
    wanted = with_defaults(wanted_of(given), principal, services.config)
    again = metadata.get("again", "0") not in ("0", "false")
    sha256 = _claimed_sha256(metadata)
    if sha256 is not None and not again:
        known = await asyncio.to_thread(known_upload, services, principal, sha256, wanted, upload_length)
        if known is not None:
            return _answer(known, 201)
    receiver = await UploadReceiver.begin(
        services,
        principal,
        metadata.get("filename") or metadata.get("name") or "",
        wanted,
        size_bytes=upload_length,
        expires_s=services.config.upload_expires_s,
        sha256=sha256,
        again=again,
        tus_metadata=upload_metadata or None,
    )
    if is_piece_type(request.headers.get("content-type")):
        await _receive(request, receiver)
    return _answer(await asyncio.to_thread(_find, services, principal, receiver.upload_id), 201)


@router.head("/{upload_id}", summary="Show the offset of an upload", responses=responses(NotFound, Gone))
async def offset(upload_id: str, services: ServicesHere, principal: Reader) -> Response:
    """Show the position at which the upload continues, and the metadata with which it was created."""
    upload = await asyncio.to_thread(_find, services, principal, upload_id)
    if upload.state == UploadState.RECEIVING and upload.received_bytes == upload.size_bytes:
        # The last piece was received, but the process that received it died before it completed the file.
        await UploadReceiver(services, upload, services.config.upload_expires_s).finish()
    answer = _answer(upload, 200)
    if metadata := await asyncio.to_thread(_metadata_as_sent, services, upload):
        answer.headers["Upload-Metadata"] = metadata
    return answer


@router.patch(
    "/{upload_id}",
    summary="Send a piece of an upload",
    status_code=204,
    responses=responses(*RECEIVING, NotFound, Gone, UnsupportedMediaType, WrongOffset, ChecksumMismatch),
    openapi_extra=PIECE,
)
async def append(
    upload_id: str, request: Request, services: ServicesHere, principal: Writer, upload_offset: Offset
) -> Response:
    """Send the bytes from `Upload-Offset` on, all the rest or a piece of it."""
    check_piece_type(request.headers.get("content-type"))
    upload = await asyncio.to_thread(_find, services, principal, upload_id)
    check_receiving(upload, upload_id, upload_offset)
    await _receive(request, UploadReceiver(services, upload, services.config.upload_expires_s))
    return _answer(await asyncio.to_thread(_find, services, principal, upload_id), 204)


@router.delete("/{upload_id}", summary="Cancel a resumable upload", status_code=204, responses=responses(NotFound))
async def terminate(upload_id: str, services: ServicesHere, principal: Writer) -> Response:
    """Cancel an upload, and delete its meeting and its file."""
    await asyncio.to_thread(cancel_upload, upload_id, services, principal)
    return Response(status_code=204)


def _claimed_sha256(metadata: dict[str, str]) -> str | None:
    claimed = metadata.get("sha256", "").lower()
    if claimed and not _SHA256.fullmatch(claimed):
        raise InvalidInput(
            f"sha256 is {claimed[:80]!r} in Upload-Metadata; send the 64 hexadecimal digits, or no sha256"
        )
    return claimed or None


async def _receive(request: Request, receiver: UploadReceiver) -> None:
    """Store the body. The last byte of the file completes it."""
    checksum = request.headers.get("upload-checksum")
    try:
        if checksum is not None:
            await receiver.write(await _checked(request, Checksum.of(checksum)))
        else:
            async for piece in request.stream():
                await receiver.write(piece)
    except (ClientDisconnect, RequestTimeout):
        await receiver.flush()  # what arrived is kept: the client asks where to continue
        raise
    await receiver.flush()
    if receiver.stored_bytes == receiver.size_bytes:
        await receiver.finish()


async def _checked(request: Request, checksum: Checksum) -> bytes:
    held = bytearray()
    async for piece in request.stream():
        held += piece
        if len(held) > CHECKED_LIMIT_BYTES:
            raise TooLarge(
                f"a piece with Upload-Checksum has more than {CHECKED_LIMIT_BYTES} bytes; send smaller pieces",
                limit_bytes=CHECKED_LIMIT_BYTES,
            )
    await asyncio.to_thread(checksum.check, bytes(held))
    return bytes(held)


def _find(services: Services, principal: Principal, upload_id: str) -> Upload:
    """Raises NotFound, and Gone if the upload was given up, unless as a duplicate."""
    with services.database.read() as session:
        upload = find_upload(session, upload_id, principal)
    if upload.state in GIVEN_UP and upload.duplicate_of is None:
        raise Gone(f"upload '{upload_id}' is {upload.state} ({upload.reason}): {upload.detail}", reason=upload.reason)
    return upload


def _metadata_as_sent(services: Services, upload: Upload) -> str | None:
    with services.database.read() as session:
        return session.scalar(select(Meeting.tus_metadata).where(Meeting.id == upload.meeting_id))


def _answer(upload: Upload, status: int) -> Response:
    headers = {
        "Location": f"{PATH}/{upload.id}",
        "Upload-Offset": str(upload.received_bytes),
        "Upload-Length": str(upload.size_bytes),
        "Cache-Control": "no-store",
    }
    if upload.expires_at is not None:
        headers["Upload-Expires"] = http_date(upload.expires_at)
    return Response(status_code=status, headers=headers)
