"""Receives a file and stores it, for every route that takes one."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from fastapi.exceptions import RequestValidationError
from sqlalchemy.orm import Session
from starlette.requests import ClientDisconnect

from api.auth.keys import Principal
from api.http.problems import invalid_problem
from api.meetings.validation import check_adapters, check_translation, served_language
from api.services import Services
from schema.core.errors import ChecksumMismatch, Forbidden, InvalidInput, MinutebookError, StorageFull, TooLarge
from schema.core.events import publish
from schema.core.lines import shown
from schema.core.states import Scope, UploadState
from schema.core.storage import COPY_BYTES
from schema.core.tables import now
from schema.speakers.wish import AUTO_SPEAKERS, NO_SPEAKERS, listening
from schema.uploads.failures import UploadFailure
from schema.uploads.lifecycle import (
    add_upload,
    advance,
    check_receiving,
    clean_up,
    configure,
    give_up,
    move,
    queue,
    same_as,
    same_file,
)
from schema.uploads.tables import Upload
from schema.uploads.views import upload_event, upload_out
from schema.uploads.wire import NewUpload, UploadOut

log = logging.getLogger(__name__)

BLOCK_BYTES = 4 << 20
"""Held in memory for each file that is being received. At most this much is lost if the connection breaks."""
FORM_EXPIRES_S = 3600.0


@dataclass(frozen=True, slots=True)
class StoredUpload:
    """The upload of a completely received file. If `known`, it is an earlier upload of the same bytes."""

    upload: UploadOut
    known: bool


class UploadReceiver:
    """Receives the bytes of one upload from its present size on. Blocking work runs in threads."""

    def __init__(self, services: Services, upload: Upload, expires_s: float) -> None:
        self.upload_id = upload.id
        self.meeting_id = upload.meeting_id
        self.stored_bytes = upload.received_bytes
        self._services = services
        self.size_bytes = upload.size_bytes
        self._expires_s = expires_s
        self._held = bytearray()
        # The checksum is computed while the file arrives, if one request brings the whole file.
        self._digest = hashlib.sha256() if upload.received_bytes == 0 else None

    @classmethod
    async def begin(
        cls,
        services: Services,
        principal: Principal,
        name: str,
        new: NewUpload,
        *,
        size_bytes: int | None,
        expires_s: float,
        sha256: str | None = None,
        again: bool = False,
        answer_by: datetime | None = None,
        tus_metadata: str | None = None,
    ) -> UploadReceiver:
        """Begin an upload. Raises UnknownLanguage, UnknownAdapter, Forbidden, TooLarge, StorageFull, Backlogged."""
        facts = {
            "name": name,
            "size_bytes": size_bytes,
            "expires_s": expires_s,
            "sha256": sha256,
            "again": again,
            "answer_by": answer_by,
            "tus_metadata": tus_metadata,
        }
        upload = await asyncio.to_thread(_add, services, principal, new, facts)
        return cls(services, upload, expires_s)

    @property
    def received_bytes(self) -> int:
        return self.stored_bytes + len(self._held)

    async def write(self, data: bytes) -> None:
        """Receive *data*, which is stored in blocks. Raises TooLarge, StorageFull, WrongOffset, Gone, Unavailable."""
        end = self.received_bytes + len(data)
        limit = self._services.config.upload_limit_bytes
        if self.size_bytes is None and end > limit:
            raise _too_large(f"more than {limit}", limit)
        if self.size_bytes is not None and end > self.size_bytes:
            raise TooLarge(
                f"the upload began with Upload-Length {self.size_bytes}, but this piece reaches byte {end} or more; "
                "send what is left of the file, or begin a new upload with its length",
                limit_bytes=self.size_bytes,
            )
        self._held += data
        while len(self._held) >= BLOCK_BYTES:
            await asyncio.to_thread(self._store, BLOCK_BYTES)

    async def flush(self) -> None:
        """Store the data that is held in memory."""
        if self._held:
            await asyncio.to_thread(self._store, len(self._held))

    async def finish(self, wanted: NewUpload | None = None, *, again: bool = False) -> StoredUpload:
        """Complete the file, which is then decoded unless its owner has sent it before and does not want it *again*.

        *wanted* replaces the options with which the upload began. Raises ChecksumMismatch and the errors of `write`.
        """
        await self.flush()
        return await asyncio.to_thread(self._finish, wanted, again)

    async def abandon(self, error: BaseException) -> None:
        """Delete an incomplete file. A worker deletes later what cannot be deleted now."""
        with suppress(MinutebookError):
            await asyncio.shield(
                asyncio.to_thread(self._give_up, UploadState.CANCELLED, UploadFailure.INCOMPLETE, _told(error))
            )

    def _store(self, size: int) -> None:
        data = bytes(memoryview(self._held)[:size])
        end = self.stored_bytes + size
        services = self._services
        check_room(services, size)
        with services.database.read() as session:  # a later request may have continued the file
            check_receiving(session.get(Upload, self.upload_id), self.upload_id, self.stored_bytes)
        services.stores.files.append(self.upload_id, self.stored_bytes, data)
        with services.database.write() as session:
            advance(session, self.upload_id, self.stored_bytes, end, now() + timedelta(seconds=self._expires_s))
        if self._digest is not None:
            self._digest.update(data)
        del self._held[:size]
        self.stored_bytes = end
        tell(services, self.upload_id)

    def _finish(self, wanted: NewUpload | None, again: bool) -> StoredUpload:
        services, size = self._services, self.stored_bytes
        if not size:
            raise InvalidInput("the file is empty; send one that holds a recording", param="file")
        services.stores.files.commit(self.upload_id, size)
        sha256 = self._digest.hexdigest() if self._digest else _sha256(services, self.upload_id)
        with services.database.write() as session:
            upload = session.get_one(Upload, self.upload_id)
            claimed = upload.sha256 if upload.state == UploadState.RECEIVING else None
            if wanted is not None:
                configure(session, upload, _as_served(self._services, wanted))
            known = None if again or upload.again else same_as(session, upload, sha256)
            if known is not None:
                _mark_known(session, self.upload_id, known.id)
            elif claimed in (None, sha256):
                queue(session, self.upload_id, sha256)
        if claimed not in (None, sha256):
            raise self._refuse(f"the file's SHA-256 is {sha256}, but {claimed} was stated; send it again")
        if known is not None:
            clean_up(services.stores, self.upload_id)
        services.task_sender.ingest(self.upload_id)
        return StoredUpload(tell(services, self.upload_id if known is None else known.id), known is not None)

    def _refuse(self, detail: str) -> ChecksumMismatch:
        self._give_up(UploadState.FAILED, UploadFailure.CHECKSUM, detail)
        return ChecksumMismatch(detail)

    def _give_up(self, state: UploadState, reason: UploadFailure, detail: str) -> None:
        services = self._services
        give_up(
            services.stores,
            self.upload_id,
            state,
            reason=reason,
            detail=detail,
        )


def tell(services: Services, upload_id: str) -> UploadOut:
    """The present upload, which is also published to the followers of its meeting. Blocks."""
    with services.database.read() as session:
        out = upload_out(session, session.get_one(Upload, upload_id))
    publish(services.stores.redis, out.meeting_id, [upload_event(out)])
    return out


def check_room(services: Services, size: int) -> None:
    """Raises StorageFull if *size* more bytes would leave less than the reserve."""
    free = services.stores.files.free_bytes()
    reserve = services.config.storage_reserve_bytes
    if free is not None and free - size < reserve:
        raise StorageFull(
            f"{size} bytes do not fit: the storage has {free} bytes left and keeps {reserve} free "
            "(MINUTEBOOK_STORAGE_RESERVE_BYTES); free some space, or try again later",
            retry_after_ms=60_000,
        )


def _told(error: BaseException) -> str:
    """What *error* says to people about a file that did not become an upload."""
    match error:
        case MinutebookError():
            return error.detail
        case RequestValidationError():
            return shown(str(invalid_problem(error)["detail"]))
        case ClientDisconnect() | asyncio.CancelledError():
            return "the connection ended before the file did"
    return "the server failed before it had all of the file; its log has the cause. Send the file again"


def _too_large(size: str, limit: int) -> TooLarge:
    return TooLarge(f"the file has {size} bytes, the limit is {limit}; cut it into parts", limit_bytes=limit)


def check_priority(principal: Principal, priority: int | None) -> None:
    """Raises Forbidden for a priority that would put the file before the files of others."""
    if priority is not None and priority > 0 and not principal.may(Scope.ADMIN):
        raise Forbidden(
            f"priority {priority} would put the file before the files of others; use 0 or less, or a key with 'admin'"
        )


def check_options(services: Services, principal: Principal, new: NewUpload) -> None:
    """Raises InvalidInput, Forbidden or UnknownAdapter for options that this server or this key does not have."""
    if new.translate:
        check_translation(services.config.asr_model)
    check_priority(principal, new.priority)
    with services.database.read() as session:
        check_adapters(session, new.asr_adapter, new.summary_adapter)


def _add(services: Services, principal: Principal, new: NewUpload, facts: dict[str, Any]) -> Upload:
    config = services.config
    new = _as_served(services, new)
    check_options(services, principal, new)
    size_bytes = facts["size_bytes"] or 0
    if size_bytes > config.upload_limit_bytes:
        raise _too_large(str(size_bytes), config.upload_limit_bytes)
    check_room(services, size_bytes)
    with services.database.write() as session:
        return add_upload(
            session,
            owner=principal.owner,
            new=new,
            open_limit=config.uploads_open_limit,
            keeps_audio=config.keeps_audio,
            **facts,
        )


def known_upload(
    services: Services, principal: Principal, sha256: str, wanted: NewUpload, size_bytes: int
) -> Upload | None:
    """An upload of the same bytes with the same options by the same key, complete or begun. Blocks."""
    with services.database.read() as session:
        return same_file(session, principal.owner, sha256, _as_served(services, wanted), size_bytes)


def _as_served(services: Services, new: NewUpload) -> NewUpload:
    speakers = listening(new.speakers or AUTO_SPEAKERS, services.config.voices) or NO_SPEAKERS
    language = served_language(new.language, services.config.asr_model)
    return new.model_copy(update={"language": language, "speakers": speakers})


def _mark_known(session: Session, upload_id: str, known_id: str) -> None:
    facts = {
        "reason": UploadFailure.DUPLICATE,
        "detail": f"the same file is upload '{known_id}'",
        "duplicate_of": known_id,
    }
    receiving = frozenset({UploadState.RECEIVING})
    move(session, upload_id, receiving, UploadState.CANCELLED, finished_at=now(), expires_at=None, **facts)


def _sha256(services: Services, upload_id: str) -> str:
    digest = hashlib.sha256()
    with services.stores.files.open(upload_id) as file:
        while piece := file.read(COPY_BYTES):
            digest.update(piece)
    return digest.hexdigest()
