"""Sends files with the tus protocol. After an interruption it continues at the position that the server reports."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from api.client.http import Http
from schema.core.errors import Gone, InvalidInput, MinutebookError
from schema.core.lines import shown_name
from schema.core.states import UploadState
from schema.minutes.briefing import SEPARATORS
from schema.uploads.wire import NewUpload, UploadOut

T = TypeVar("T")
TUS_PATH = "/v1/uploads/tus"
TUS = {"Tus-Resumable": "1.0.0"}
READ_BYTES = 1 << 20
ANSWER_LIMIT_S = 600.0
"""Before it answers the last piece, the server reads the whole file again for its checksum."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 15.0
Progress = Callable[[int], None]
"""Called with the number of bytes that the server has received or was sent."""
Retrying = Callable[[MinutebookError], None]
"""Called once for each time that the server cannot be used, before the request is sent again."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file that is to be sent."""

    path: Path
    size: int
    sha256: str
    modified_at: datetime

    @classmethod
    def of(cls, path: Path) -> Outgoing:
        """Read the whole file for its checksum. Blocks. Raises InvalidInput."""
        try:
            with path.open("rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
                size = file.tell()
                modified_at = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime).astimezone()
        except OSError as error:
            raise InvalidInput(f"{path} cannot be read ({error.strerror}); give a file that you may read") from error
        if not size:
            raise InvalidInput(f"{path} is empty; give a recording")
        return cls(path, size, sha256, modified_at)

    def begins_with(self, size: int, sha256: str) -> bool:
        """Whether the first *size* bytes have this checksum, and more follow. Blocks."""
        digest, left = hashlib.sha256(), size
        try:
            with self.path.open("rb") as file:
                while piece := file.read(min(left, READ_BYTES)):
                    digest.update(piece)
                    left -= len(piece)
        except OSError:
            return False
        return size < self.size and digest.hexdigest() == sha256


async def send_file(
    http: Http,
    file: Outgoing,
    new: NewUpload,
    *,
    again: bool,
    retry_limit_s: float,
    progress: Progress,
    retrying: Retrying = lambda _: None,
) -> UploadOut:
    """Send *file* and return its upload, which is an earlier one if the server knows the file.

    A part that an earlier run has sent is not sent again. Raises the server's error. An error that can
    be retried is raised only after *retry_limit_s* without progress.
    """
    upload_id = await _with_retries(lambda: _create(http, file, new, again), retry_limit_s, retrying)
    received, give_up_s = -1, 0.0
    while True:
        upload = await _with_retries(lambda: get_upload(http, upload_id), retry_limit_s, retrying)
        progress(upload.received_bytes)
        if upload.state != UploadState.RECEIVING:
            return upload
        if upload.received_bytes > received:
            received, give_up_s = upload.received_bytes, time.monotonic() + retry_limit_s
        try:
            await _send_rest(http, file, received, progress, upload_id)
        except Gone:
            return await get_upload(http, upload_id)  # it has ended in the meantime; its state has the reason
        except InvalidInput as error:
            if error.retryable:
                continue  # the checksum does not match, so the upload has failed; its state has the reason
            with suppress(MinutebookError):
                await cancel_upload(http, upload_id)
            raise
        except MinutebookError as error:
            if not error.retryable or time.monotonic() > give_up_s:
                raise
            await asyncio.sleep(FIRST_PAUSE_S)


async def get_upload(http: Http, upload_id: str) -> UploadOut:
    return UploadOut.model_validate_json((await http.call("GET", f"/v1/uploads/{upload_id}")).content)


async def change_upload(http: Http, upload_id: str, **wanted: bool | int) -> UploadOut:
    """Pause or resume an upload, or change its priority."""
    return UploadOut.model_validate_json((await http.call("PATCH", f"/v1/uploads/{upload_id}", json=wanted)).content)


async def cancel_upload(http: Http, upload_id: str) -> None:
    await http.call("DELETE", f"/v1/uploads/{upload_id}")


async def uploads(http: Http, limit: int = 50) -> list[UploadOut]:
    """The newest *limit* uploads."""
    answer = (await http.call("GET", "/v1/uploads", params={"limit": limit})).json()
    return [UploadOut.model_validate(each) for each in answer["uploads"]]


async def _create(http: Http, file: Outgoing, new: NewUpload, again: bool) -> str:
    fields = {"filename": shown_name(file.path.name), "sha256": file.sha256, **({"again": "1"} if again else {})}
    fields |= {name: _metadata_value(name, value) for name, value in new.model_dump(exclude_defaults=True).items()}
    metadata = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in fields.items())
    headers = {**TUS, "Upload-Length": str(file.size), "Upload-Metadata": metadata}
    answer = await http.call("POST", TUS_PATH, headers=headers)
    return answer.headers["location"].rpartition("/")[2]


def _metadata_value(name: str, value: object) -> str:
    return SEPARATORS[name].join(value) if isinstance(value, list) else str(value)


async def _send_rest(http: Http, file: Outgoing, at: int, progress: Progress, upload_id: str) -> None:
    headers = {
        **TUS,
        "Upload-Offset": str(at),
        "Content-Type": "application/offset+octet-stream",
        "Content-Length": str(file.size - at),
    }
    content = _pieces(file, at, progress)
    await http.call("PATCH", f"{TUS_PATH}/{upload_id}", headers=headers, content=content, timeout=ANSWER_LIMIT_S)


async def _pieces(file: Outgoing, at: int, progress: Progress) -> AsyncIterator[bytes]:
    """The bytes from *at* on. Raises InvalidInput if the file has become unreadable or shorter."""
    try:
        with file.path.open("rb") as opened:
            opened.seek(at)
            while at < file.size and (piece := await asyncio.to_thread(opened.read, min(READ_BYTES, file.size - at))):
                yield piece
                at += len(piece)
                progress(at)
    except OSError as error:
        raise InvalidInput(f"{file.path} cannot be read any more ({error.strerror}); send it again") from error
    if at < file.size:
        raise InvalidInput(f"{file.path} had {file.size} bytes and now ends at {at}; send it again once it is complete")


async def _with_retries(request: Callable[[], Awaitable[T]], retry_limit_s: float, retrying: Retrying) -> T:
    """Send the request again as long as its error can be retried and *retry_limit_s* has not passed."""
    give_up_s, pause_s = time.monotonic() + retry_limit_s, FIRST_PAUSE_S
    while True:
        try:
            return await request()
        except MinutebookError as error:
            if not error.retryable or time.monotonic() + pause_s > give_up_s:
                raise
            if pause_s == FIRST_PAUSE_S:
                retrying(error)
        await asyncio.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
