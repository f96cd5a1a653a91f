"""The life cycle of an upload, from creation to its end. The ingest worker does the decoding.

    receiving → queued → decoding → transcribing → finished
    any of these → failed or cancelled

Every move is a conditional update, so it happens once even when several processes attempt it. When an upload fails or
is cancelled, its meeting and its file are deleted. The row stays and records the reason.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select, update
from sqlalchemy.orm import Session

from schema.core.errors import Backlogged, Gone, NotFound, WrongOffset
from schema.core.lines import shown_name
from schema.core.states import Channels, DateSource, MeetingState, TitleSource, TrackKind, UploadState, WebhookEvent
from schema.core.tables import now
from schema.meetings.lifecycle import delete_meeting
from schema.meetings.recording_date import set_recording_date
from schema.meetings.tables import Meeting, Track
from schema.meetings.titles import set_title, title_of_file
from schema.speakers.wish import NO_SPEAKERS
from schema.stores import Stores
from schema.uploads.failures import UploadFailure
from schema.uploads.tables import Upload
from schema.uploads.wire import NewUpload
from schema.webhooks.outbox import announce

ENDED = frozenset({UploadState.FINISHED, UploadState.FAILED, UploadState.CANCELLED})
GIVEN_UP = frozenset({UploadState.FAILED, UploadState.CANCELLED})
IN_WORK = frozenset({UploadState.QUEUED, UploadState.DECODING, UploadState.TRANSCRIBING})
BEFORE_END = IN_WORK | {UploadState.RECEIVING}
OPEN_WAIT_MS = 10_000


def new_id() -> str:
    """Return a new upload id. The stored file has the same name."""
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
    answer_by: datetime | None = None,
    tus_metadata: str | None = None,
    keeps_audio: bool = False,
) -> Upload:
    """Create an upload in state receiving, together with its meeting.

    *name* is the file's name, which is only shown to people. *sha256* is the sender's claim. *answer_by* is the latest
    time of the answer, if the transcript is the answer to a request; its audio is never kept. Raises Backlogged when
    *owner* already has *open_limit* unfinished uploads.
    """
    still_open = select(func.count()).where(Upload.owner == owner, Upload.state.in_(BEFORE_END))
    if (session.scalar(still_open) or 0) >= open_limit:
        raise Backlogged(
            f"this key already has {open_limit} unfinished uploads; wait for one to finish, or cancel one with "
            "DELETE /v1/uploads/ID",
            retry_after_ms=OPEN_WAIT_MS,
        )
    shown = shown_name(name)
    meeting = Meeting(
        id=secrets.token_hex(12),
        owner=owner,
        language=new.language,
        translate=new.translate,
        asr_adapter=new.asr_adapter,
        summary_adapter=new.summary_adapter,
        tus_metadata=tus_metadata,
        speakers=_listened(new),
        keeps_audio=keeps_audio and answer_by is None,
    )
    meeting.brief(new)
    _describe(meeting, new, shown)
    session.add(meeting)
    session.flush()
    if new.channels == Channels.MIX:
        session.add(new_track(meeting.id, "main", listened=meeting.speakers is not None))
    upload = Upload(
        id=new_id(),
        meeting_id=meeting.id,
        owner=owner,
        name=shown,
        priority=new.priority,
        channels=new.channels,
        streams=new.streams,
        size_bytes=size_bytes,
        sha256=sha256,
        again=again,
        answer_by=answer_by,
        expires_at=now() + timedelta(seconds=expires_s),
    )
    session.add(upload)
    session.flush()
    return upload


def _listened(new: NewUpload) -> str | None:
    """What is stored with the meeting: how many speakers are told apart, None if they are not."""
    return None if new.speakers == NO_SPEAKERS else new.speakers


def _describe(meeting: Meeting, new: NewUpload, file_name: str) -> None:
    """Set title and date from what the sender gave. The recording's tags may replace the weaker sources later."""
    if new.title:
        set_title(meeting, new.title, TitleSource.CALLER)
    else:
        set_title(meeting, title_of_file(file_name), TitleSource.FILE_NAME)
    set_recording_date(meeting, new.modified_at, DateSource.FILE)
    set_recording_date(meeting, new.recorded_at, DateSource.CALLER)


def new_track(meeting_id: str, name: str, speaker: str | None = None, *, listened: bool = False) -> Track:
    """Return a new track whose audio comes from a file. If it is *listened* to, its speakers are told apart."""
    return Track(
        id=secrets.token_hex(12),
        meeting_id=meeting_id,
        name=name,
        speaker=speaker,
        kind=TrackKind.BATCH,
        heard_sample=0 if listened else None,
    )


def move(session: Session, upload_id: str, before: frozenset[UploadState], after: UploadState, **values: Any) -> bool:
    """Move an upload from one of the states *before* to *after*. Returns False when it is in none of them."""
    chosen = update(Upload).where(Upload.id == upload_id, Upload.state.in_(before))
    return bool(session.execute(chosen.values(state=after, **values)).rowcount)  # type: ignore[attr-defined]


def advance(session: Session, upload_id: str, at: int, end: int, expires_at: datetime) -> None:
    """Record that bytes [*at*, *end*) are stored.

    The update only matches while the file ends at *at*, so two requests cannot both append there. Raises WrongOffset
    when another request has stored these bytes, NotFound, Gone.
    """
    chosen = update(Upload).where(
        Upload.id == upload_id, Upload.state == UploadState.RECEIVING, Upload.received_bytes == at
    )
    if session.execute(chosen.values(received_bytes=end, expires_at=expires_at)).rowcount:  # type: ignore[attr-defined]
        return
    check_receiving(session.get(Upload, upload_id, populate_existing=True), upload_id, at)


def check_receiving(upload: Upload | None, upload_id: str, at: int) -> Upload:
    """Check that the upload expects its next byte at *at*. Raises NotFound, Gone, WrongOffset."""
    if upload is None:
        raise NotFound(f"there is no upload '{upload_id}'")
    if upload.state in GIVEN_UP:
        raise Gone(f"upload '{upload_id}' is {upload.state} ({upload.reason}): {upload.detail}", reason=upload.reason)
    if upload.state != UploadState.RECEIVING or upload.received_bytes != at:
        there = upload.received_bytes
        raise WrongOffset(f"upload '{upload_id}' continues at byte {there}, not {at}", expected_offset=there)
    return upload


def queue(session: Session, upload_id: str, sha256: str) -> bool:
    """Queue an upload for decoding once its whole file is stored. Returns False when it was queued or given up."""
    values = {"sha256": sha256, "size_bytes": Upload.received_bytes, "expires_at": None}
    return move(session, upload_id, frozenset({UploadState.RECEIVING}), UploadState.QUEUED, **values)


def same_as(session: Session, upload: Upload, sha256: str) -> Upload | None:
    """Find an earlier upload of the same file by the same owner with the same options."""
    meeting = session.get_one(Meeting, upload.meeting_id)
    wanted = NewUpload(
        language=meeting.language,
        translate=meeting.translate,
        asr_adapter=meeting.asr_adapter,
        summary_adapter=meeting.summary_adapter,
        channels=Channels(upload.channels),
        streams=upload.streams,
        speakers=meeting.speakers,
    )
    return same_file(session, upload.owner, sha256, wanted)


def same_file(
    session: Session, owner: str, sha256: str, wanted: NewUpload, resumed_bytes: int | None = None
) -> Upload | None:
    """Find the first upload of *owner* that has the same SHA-256 and the options *wanted*.

    Uploads that have not arrived completely are left out. With *resumed_bytes*, the size of the file, an incomplete
    upload of that size also matches, so the sender can resume it.
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
            Upload.streams == wanted.streams,
            Meeting.state != MeetingState.DELETED,
            Meeting.language == wanted.language,
            Meeting.translate.is_(wanted.translate),
            Meeting.asr_adapter.is_not_distinct_from(wanted.asr_adapter),
            Meeting.summary_adapter.is_not_distinct_from(wanted.summary_adapter),
            Meeting.speakers.is_not_distinct_from(_listened(wanted)),
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
    """End an upload as failed or cancelled, and delete its meeting and file. True when this call ended it.

    After a crash, `clean_up` completes the deletion. Raises Unavailable.
    """
    with stores.database.write() as session:
        # The webhook message is written in the same transaction as the move: a crash cannot separate the two.
        facts = {"reason": reason, "detail": detail, "finished_at": now(), "expires_at": None, **values}
        moved = move(session, upload_id, BEFORE_END, state, **facts)
        if moved and state == UploadState.FAILED:
            upload = session.get_one(Upload, upload_id)
            told = {"upload_id": upload_id, "meeting_id": upload.meeting_id, "reason": reason, "detail": detail}
            announce(session, upload.owner, WebhookEvent.UPLOAD_FAILED, told)
    clean_up(stores, upload_id)
    return moved


def end_request(stores: Stores, upload_id: str) -> None:
    """Delete the meeting and the file of an upload whose request has ended. Raises Unavailable.

    The row stays until `forget_requests`, because workers may still be busy with the upload.
    """
    facts = {
        "reason": UploadFailure.ANSWERED,
        "detail": "its text was sent with the answer; MINUTEBOOK_OPENAI_KEEP=1 keeps such files",
        "name": "",
    }
    with stores.database.write() as session:
        before = BEFORE_END | {UploadState.FINISHED}
        move(session, upload_id, before, UploadState.CANCELLED, finished_at=now(), expires_at=None, **facts)
    clean_up(stores, upload_id)


def forget_requests(session: Session, ended_before: datetime) -> None:
    """Delete the rows of all requests that ended before that time and whose files are deleted."""
    ended = Upload.state.in_(GIVEN_UP) & (Upload.finished_at < ended_before) & Upload.file_deleted_at.is_not(None)
    meetings = select(Upload.meeting_id).where(Upload.answer_by.is_not(None), ended)
    session.execute(delete(Meeting).where(Meeting.id.in_(meetings), Meeting.state == MeetingState.DELETED))


def clean_up(stores: Stores, upload_id: str) -> None:
    """Delete the meeting and the file of a failed or cancelled upload. A second call changes nothing."""
    with stores.database.read() as session:
        upload = session.get(Upload, upload_id)
    if upload is None or upload.state not in GIVEN_UP:
        return
    delete_meeting(stores, upload.meeting_id)
    drop_file(stores, upload_id)


def drop_file(stores: Stores, upload_id: str) -> None:
    """Release the file of an upload that has ended. The last upload that uses the file deletes it.

    Storage and SQL share no transaction, so the deletion takes three steps: set `expires_at`, delete the file, set
    `file_deleted_at`. While `expires_at` is set no new version of the meeting may use the file. After a crash between
    the steps, `UploadSweeper.tidy` calls this again.
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
    """Return the id under which the upload's file is stored."""
    return upload.file_of or upload.id


def lock_readers(session: Session, file_id: str) -> Sequence[Upload]:
    """Lock and reload the uploads that still use a file. The locks are taken in order of id, to avoid deadlocks."""
    readers = or_(Upload.id == file_id, Upload.file_of == file_id)
    wanted = select(Upload).where(readers, Upload.file_deleted_at.is_(None)).order_by(Upload.id).with_for_update()
    return session.scalars(wanted.execution_options(populate_existing=True)).all()


def fed_by_upload() -> ColumnElement[bool]:
    """SQL condition on a meeting: an upload still supplies its audio, so it is not idle even without new audio."""
    return select(Upload.id).where(Upload.meeting_id == Meeting.id, Upload.state.in_(BEFORE_END)).exists()


def configure(session: Session, upload: Upload, new: NewUpload) -> None:
    """Apply options that the sender gave only after the file."""
    meeting = session.get_one(Meeting, upload.meeting_id)
    _describe(meeting, new, upload.name)
    meeting.language, meeting.translate = new.language, new.translate
    meeting.brief(new)
    meeting.asr_adapter, meeting.summary_adapter = new.asr_adapter, new.summary_adapter
    meeting.speakers = _listened(new)
    upload.priority, upload.streams = new.priority, new.streams
    if new.channels != upload.channels:
        upload.channels = new.channels
        session.execute(delete(Track).where(Track.meeting_id == meeting.id))
        if new.channels == Channels.MIX:
            session.add(new_track(meeting.id, "main"))
    of_nobody = update(Track).where(Track.meeting_id == meeting.id, Track.speaker.is_(None))
    session.execute(of_nobody.values(heard_sample=0 if meeting.speakers else None))
    session.flush()
