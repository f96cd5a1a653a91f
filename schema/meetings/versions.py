"""Versions of a meeting: one that is transcribed again becomes another meeting, linked to the first one.

Each version has its own tracks, coverage, notes, minutes and events, and is deleted on its own. The versions of a
recording share the stored file, which is deleted with the last of them. Of a live meeting the kept audio is read. One
version is shown when a request names none. That is the version that finished last, unless somebody has chosen another.

Every function runs in the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from schema.core.errors import AudioNotKept, Conflict
from schema.core.states import AUTO_STREAMS, Channels, MeetingState, SummaryKind, UploadState
from schema.kept_audio.pieces import pieces_of
from schema.meetings.locks import advance_seq, lock_meeting, lock_versions
from schema.meetings.tables import Meeting, Summary, Track
from schema.minutes.briefing import Briefing
from schema.speakers.wish import NO_SPEAKERS
from schema.uploads.lifecycle import add_upload, file_id_of, lock_readers, new_track
from schema.uploads.tables import Upload
from schema.uploads.wire import NewUpload

VERSIONS_LIMIT = 50
"""Limit of versions per meeting, not counting deleted ones."""


@dataclass(frozen=True, slots=True)
class VersionOptions:
    """Options for transcribing a recording again."""

    language: str
    briefing: Briefing
    asr_adapter: str | None
    summary_adapter: str | None
    speakers: str | None
    """How many speakers are told apart, as `speaker_range` reads it; None if they are not."""


def check_finished(meeting: Meeting) -> None:
    """Raise Conflict unless the meeting is finished."""
    if meeting.state != MeetingState.FINISHED:
        raise Conflict(
            f"meeting '{meeting.id}' is {meeting.state}; it can be processed again once it is finished "
            f"('POST /v1/meetings/{meeting.id}/finish' ends a live meeting)",
            state=meeting.state,
        )


def recording_of(session: Session, meeting: Meeting) -> Upload | None:
    """Return the upload whose file a meeting was transcribed from, or None for a meeting whose kept audio can be read.

    Raises AudioNotKept when there is neither.
    """
    upload = session.scalar(select(Upload).where(Upload.meeting_id == meeting.id))
    remedy = "upload the recording to transcribe it again, or write only the minutes again (part 'minutes')"
    if upload is None or upload.audio_of is not None:
        if not pieces_of(session, meeting.id):
            raise AudioNotKept(
                f"meeting '{meeting.id}' was live, and its audio is not kept (MINUTEBOOK_AUDIO_RETENTION): {remedy}"
            )
        return None
    if upload.file_deleted_at is not None or upload.expires_at is not None:
        when = f" on {upload.file_deleted_at:%Y-%m-%d %H:%M} UTC" if upload.file_deleted_at else ""
        raise AudioNotKept(
            f"the file of meeting '{meeting.id}' was deleted{when}, by a user or by MINUTEBOOK_UPLOAD_RETENTION: "
            f"{remedy}"
        )
    return upload


def add_version(
    session: Session, meeting_id: str, wanted: VersionOptions, *, expires_s: float, open_limit: int
) -> Upload:
    """Queue a new version of the meeting that is transcribed from the same file, or from the kept audio.

    Corrections are carried over once it is transcribed. Raises NotFound, Gone, Conflict, AudioNotKept, and Backlogged
    when the owner has too many unfinished uploads.
    """
    versions = lock_versions(session, meeting_id)
    source = lock_meeting(session, meeting_id)
    check_finished(source)
    if len(versions) >= VERSIONS_LIMIT:
        raise Conflict(f"meeting '{meeting_id}' has {len(versions)} versions, which is the limit; delete one first")
    sound = _sound_of(session, source)
    upload = add_upload(
        session,
        owner=source.owner,
        name=sound.name,
        new=NewUpload(
            title=source.title,
            channels=sound.channels,
            streams=sound.streams,
            speakers=wanted.speakers or NO_SPEAKERS,
            language=wanted.language,
            translate=source.translate,
            **wanted.briefing.model_dump(),
            asr_adapter=wanted.asr_adapter,
            summary_adapter=wanted.summary_adapter,
        ),
        size_bytes=sound.size_bytes,
        expires_s=expires_s,
        open_limit=open_limit,
        sha256=sound.sha256,
        again=True,
    )
    upload.file_of, upload.audio_of = sound.file_of, sound.audio_of
    upload.received_bytes, upload.expires_at = sound.size_bytes, None
    upload.state = UploadState.QUEUED
    meeting = session.get_one(Meeting, upload.meeting_id)
    meeting.title, meeting.created_at, meeting.shown = source.title, source.created_at, False
    meeting.keeps_audio = source.keeps_audio
    meeting.title_from, meeting.recorded_from = source.title_from, source.recorded_from
    meeting.recorded_at, meeting.recorded_offset_s = source.recorded_at, source.recorded_offset_s
    meeting.version_of, meeting.made_from = source.version_of or source.id, source.id
    meeting.version = _next_version(session, meeting.version_of)
    _copy_tracks(session, source, meeting)
    return upload


@dataclass(frozen=True, slots=True)
class _Sound:
    """What a new version is transcribed from: the file of the upload `file_of`, or the kept audio of `audio_of`."""

    name: str
    channels: Channels
    size_bytes: int
    streams: str = AUTO_STREAMS
    sha256: str | None = None
    file_of: str | None = None
    audio_of: str | None = None


def _sound_of(session: Session, source: Meeting) -> _Sound:
    """Find the sound of *source*, and lock it. Raises AudioNotKept."""
    recording = recording_of(session, source)
    if recording is not None:
        lock_readers(session, file_id_of(recording))
        recording = recording_of(session, source)  # Read again: only under the lock is it certain that the file exists.
    if recording is None:
        # Its tracks are those of the live meeting, so none is made here.
        size_bytes = sum(piece.size_bytes or 0 for piece in pieces_of(session, source.id))
        return _Sound(source.title, Channels.SPEAKERS, size_bytes, audio_of=source.id)
    return _Sound(
        recording.name,
        Channels(recording.channels),
        recording.received_bytes,
        recording.streams,
        recording.sha256,
        file_of=file_id_of(recording),
    )


def _next_version(session: Session, root: str) -> int:
    """The number of the next version. Numbers of deleted versions are not used again."""
    family = or_(Meeting.id == root, Meeting.version_of == root)
    return 1 + (session.scalar(select(func.max(Meeting.version)).where(family)) or 1)


def _copy_tracks(session: Session, source: Meeting, meeting: Meeting) -> None:
    """Give the new version the tracks of *source*, with the current names of the speakers."""
    there = {track.name: track for track in session.scalars(select(Track).where(Track.meeting_id == meeting.id))}
    for track in session.scalars(select(Track).where(Track.meeting_id == source.id).order_by(Track.name)):
        if track.name in there:
            there[track.name].speaker, there[track.name].several = track.speaker, track.several
        else:
            listened = meeting.speakers is not None and (track.several or track.speaker is None)
            copy = new_track(meeting.id, track.name, track.speaker, listened=listened)
            copy.several = track.several
            session.add(copy)
    session.flush()


def redo_minutes(session: Session, meeting_id: str, summary_adapter: str | None, briefing: Briefing) -> int:
    """Have all notes and the final minutes written again, and return the version that the minutes will have.

    Raises NotFound, Gone, Conflict.
    """
    meeting = lock_meeting(session, meeting_id)
    check_finished(meeting)
    meeting.brief(briefing)
    seq = advance_seq(session, meeting_id, 1)
    again = update(Meeting).where(Meeting.id == meeting_id)
    session.execute(again.values(summary_adapter=summary_adapter, notes_seq=seq, revised_seq=seq))
    final = select(func.max(Summary.version)).where(Summary.meeting_id == meeting_id, Summary.kind == SummaryKind.FINAL)
    return 1 + (session.scalar(final) or 0)


def show_version(session: Session, meeting_id: str) -> None:
    """Show this version when a request names none. Raises NotFound, Gone, Conflict."""
    versions = lock_versions(session, meeting_id)
    check_finished(lock_meeting(session, meeting_id))
    for each in versions:
        each.shown = each.id == meeting_id


def versions_of(session: Session, meeting: Meeting) -> list[Meeting]:
    """Return all versions that are not deleted, oldest first."""
    root = meeting.version_of or meeting.id
    family = or_(Meeting.id == root, Meeting.version_of == root)
    wanted = select(Meeting).where(family, Meeting.state != MeetingState.DELETED)
    return list(session.scalars(wanted.order_by(Meeting.version)))
