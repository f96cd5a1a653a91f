"""The life of an upload: made with its meeting, received, queued, and its end. Decoding is the ingest worker's.

receiving → queued → decoding → transcribing → finished, or failed or cancelled from any of these. Every move is a
conditional update, so it happens once, whoever asks how often. What fails or is cancelled takes its meeting and its
file with it; the row stays and says why.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session

from schema.core.errors import Backlogged, Gone, NotFound, WrongOffset
from schema.core.states import Channels, MeetingState, TrackKind, UploadState
from schema.core.tables import now
from schema.meetings.lifecycle import delete_meeting
from schema.meetings.tables import Meeting, Track
from schema.stores import Stores
from schema.uploads.failures import UploadFailure
from schema.uploads.tables import Upload
from schema.uploads.wire import NewUpload
from schema.webhooks.outbox import WebhookEvent, announce

ENDED = frozenset({UploadState.FINISHED, UploadState.FAILED, UploadState.CANCELLED})
GIVEN_UP = frozenset({UploadState.FAILED, UploadState.CANCELLED})
IN_WORK = frozenset({UploadState.QUEUED, UploadState.DECODING, UploadState.TRANSCRIBING})
BEFORE_END = IN_WORK | {UploadState.RECEIVING}
NAME_CHARACTERS = 300
OPEN_WAIT_MS = 10_000


def new_id() -> str:
    """Of an upload, which is also what its file is called."""
    return secrets.token_hex(12)


def add_upload(
    session: Session,
    *,
    owner: str,
    name: str,
    new: NewUpload,
    size_bytes: int | None,
    expires_s: float,
    open_limit: int,
    sha256: str | None = None,
    again: bool = False,
) -> Upload:
    """A row in state receiving, and its meeting. *name* is the file's, for people to read; *sha256* is a claim.

    Raises Backlogged when *owner* has *open_limit* uploads that have not ended.
    """
    still_open = select(func.count()).where(Upload.owner == owner, Upload.state.in_(BEFORE_END))
    if (session.scalar(still_open) or 0) >= open_limit:
        raise Backlogged(
            f"{open_limit} uploads of this key have not ended; wait for one, or cancel it with DELETE /v1/uploads/ID",
            retry_after_ms=OPEN_WAIT_MS,
        )
    shown = readable(name)
    meeting = Meeting(
        id=secrets.token_hex(12),
        owner=owner,
        title=new.title or shown.rpartition(".")[0] or shown,
        language=new.language,
        vocabulary=list(new.vocabulary),
        asr_adapter=new.asr_adapter,
        summary_adapter=new.summary_adapter,
    )
    session.add(meeting)
    session.flush()
    if new.channels == Channels.MIX:
        session.add(new_track(meeting.id, "main"))
    upload = Upload(
        id=new_id(),
        meeting_id=meeting.id,
        owner=owner,
        name=shown,
        priority=new.priority,
        channels=new.channels,
        size_bytes=size_bytes,
        sha256=sha256,
        again=again,
        expires_at=now() + timedelta(seconds=expires_s),
    )
    session.add(upload)
    session.flush()
    return upload


def new_track(meeting_id: str, name: str, speaker: str | None = None) -> Track:
    """A track whose audio comes from a file."""
    return Track(id=secrets.token_hex(12), meeting_id=meeting_id, name=name, speaker=speaker, kind=TrackKind.BATCH)


def readable(name: str) -> str:
    """*name* without folders and without what no terminal should print. It never names anything on disk."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(character for character in last if character.isprintable()).strip()[-NAME_CHARACTERS:]


def move(session: Session, upload_id: str, before: frozenset[UploadState], after: UploadState, **values: Any) -> bool:
    """Take an upload from one of *before* to *after*. False when it is in none of them."""
    chosen = update(Upload).where(Upload.id == upload_id, Upload.state.in_(before))
    return bool(session.execute(chosen.values(state=after, **values)).rowcount)  # type: ignore[attr-defined]


def advance(session: Session, upload_id: str, at: int, end: int, expires_at: datetime) -> None:
    """Bytes [*at*, *end*) are stored. Raises WrongOffset when another request has brought the file further, Gone."""
    chosen = update(Upload).where(
        Upload.id == upload_id, Upload.state == UploadState.RECEIVING, Upload.received_bytes == at
    )
    if session.execute(chosen.values(received_bytes=end, expires_at=expires_at)).rowcount:  # type: ignore[attr-defined]
        return
    check_receiving(session.get(Upload, upload_id, populate_existing=True), upload_id, at)


def check_receiving(upload: Upload | None, upload_id: str, at: int) -> Upload:
    """Raises unless the upload takes bytes at *at*: NotFound, Gone, WrongOffset."""
    if upload is None:
        raise NotFound(f"there is no upload '{upload_id}'")
    if upload.state in GIVEN_UP:
        raise Gone(f"upload '{upload_id}' is {upload.state} ({upload.reason}): {upload.detail}", reason=upload.reason)
    if upload.state != UploadState.RECEIVING or upload.received_bytes != at:
        there = upload.received_bytes
        raise WrongOffset(f"upload '{upload_id}' goes on at byte {there}, not {at}", expected_offset=there)
    return upload


def queue(session: Session, upload_id: str, sha256: str) -> bool:
    """The file is stored whole: it may be decoded. False when it was queued or given up before."""
    values = {"sha256": sha256, "size_bytes": Upload.received_bytes, "expires_at": None}
    return move(session, upload_id, frozenset({UploadState.RECEIVING}), UploadState.QUEUED, **values)


def same_as(session: Session, upload: Upload, sha256: str) -> Upload | None:
    """An earlier upload of the same bytes by the same owner, heard in the same way."""
    meeting = session.get_one(Meeting, upload.meeting_id)
    wanted = NewUpload(
        language=meeting.language,
        asr_adapter=meeting.asr_adapter,
        summary_adapter=meeting.summary_adapter,
        channels=Channels(upload.channels),
    )
    return same_file(session, upload.owner, sha256, wanted)


def same_file(
    session: Session, owner: str, sha256: str, wanted: NewUpload, resumed_bytes: int | None = None
) -> Upload | None:
    """The first upload of *owner* with these bytes that is, or was, heard as *wanted*.

    With *resumed_bytes*, its size, also one of which the rest has still to come.
    """
    whole = Upload.state.in_(IN_WORK | {UploadState.FINISHED})
    begun = (Upload.state == UploadState.RECEIVING) & (Upload.size_bytes == resumed_bytes)
    return session.scalar(
        select(Upload)
        .join(Meeting, Meeting.id == Upload.meeting_id)
        .where(
            Upload.owner == owner,
            Upload.sha256 == sha256,
            whole if resumed_bytes is None else or_(whole, begun),
            Upload.channels == wanted.channels,
            Meeting.state != MeetingState.DELETED,
            Meeting.language == wanted.language,
            Meeting.asr_adapter.is_not_distinct_from(wanted.asr_adapter),
            Meeting.summary_adapter.is_not_distinct_from(wanted.summary_adapter),
        )
        .order_by(Upload.created_at, Upload.id)
        .limit(1)
    )


def give_up(
    stores: Stores,
    upload_id: str,
    state: UploadState,
    *,
    reason: UploadFailure,
    detail: str,
    **values: Any,
) -> bool:
    """End an upload in *state* failed or cancelled, with its meeting and its file. True when this call did.

    A crash in between is completed by `clean_up`. Raises Unavailable.
    """
    with stores.database.write() as session:
        facts = {"reason": reason, "detail": detail, "finished_at": now(), "expires_at": None, **values}
        moved = move(session, upload_id, BEFORE_END, state, **facts)
        if moved and state == UploadState.FAILED:
            upload = session.get_one(Upload, upload_id)
            told = {"upload_id": upload_id, "meeting_id": upload.meeting_id, "reason": reason, "detail": detail}
            announce(session, upload.owner, WebhookEvent.UPLOAD_FAILED, told)
    clean_up(stores, upload_id)
    return moved


def clean_up(stores: Stores, upload_id: str) -> None:
    """Remove the meeting and the file of an upload that was given up. Again, it changes nothing."""
    with stores.database.read() as session:
        upload = session.get(Upload, upload_id)
    if upload is None or upload.state not in GIVEN_UP:
        return
    delete_meeting(stores, upload.meeting_id)
    drop_file(stores, upload_id)


def drop_file(stores: Stores, upload_id: str) -> None:
    """Let go of the file of an upload that has ended; with the last of the versions that read it, it is deleted.

    `expires_at` is set while that is under way, so that no further version begins; `tidy` completes it after a crash.
    """
    with stores.database.write() as session:
        upload = session.get_one(Upload, upload_id)
        file_id = file_id_of(upload)
        holders = lock_readers(session, file_id)
        last = {each.id for each in holders} <= {upload_id}
        if last:
            upload.expires_at = upload.expires_at or now()
        else:
            upload.file_deleted_at = upload.file_deleted_at or now()
    if not last:
        return
    stores.files.delete(file_id)
    with stores.database.write() as session:
        deleted_at = func.coalesce(Upload.file_deleted_at, now())
        session.execute(
            update(Upload).where(Upload.id == upload_id).values(file_deleted_at=deleted_at, expires_at=None)
        )


def file_id_of(upload: Upload) -> str:
    """What the file that an upload reads is called."""
    return upload.file_of or upload.id


def lock_readers(session: Session, file_id: str) -> Sequence[Upload]:
    """The uploads that still need a file, locked by id and read anew."""
    readers = or_(Upload.id == file_id, Upload.file_of == file_id)
    wanted = select(Upload).where(readers, Upload.file_deleted_at.is_(None)).order_by(Upload.id).with_for_update()
    return session.scalars(wanted.execution_options(populate_existing=True)).all()


def fed_by_upload() -> ColumnElement[bool]:
    """Of a meeting: its audio is still coming from a file, so that its silence says nothing."""
    return select(Upload.id).where(Upload.meeting_id == Meeting.id, Upload.state.in_(BEFORE_END)).exists()


def configure(session: Session, upload: Upload, new: NewUpload) -> None:
    """What the sender said only after the file."""
    meeting = session.get_one(Meeting, upload.meeting_id)
    meeting.title = new.title or meeting.title
    meeting.language, meeting.vocabulary = new.language, list(new.vocabulary)
    meeting.asr_adapter, meeting.summary_adapter = new.asr_adapter, new.summary_adapter
    upload.priority = new.priority
    if new.channels != upload.channels:
        upload.channels = new.channels
        session.execute(delete(Track).where(Track.meeting_id == meeting.id))
        if new.channels == Channels.MIX:
            session.add(new_track(meeting.id, "main"))
    session.flush()
