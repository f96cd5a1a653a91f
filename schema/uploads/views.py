"""Converts rows of uploads to their wire types, and computes their progress."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from schema.core.events import Event
from schema.core.states import Channels, CoverageKind, UploadState
from schema.core.tables import now
from schema.core.units import MEETING_LIMIT_SAMPLES, s_of_samples, samples_of_s
from schema.meetings.tables import Coverage, Track
from schema.meetings.views import coverage_totals
from schema.meetings.wire import CoverageTotals
from schema.uploads.minutes_progress import minutes_progress
from schema.uploads.tables import Upload
from schema.uploads.wire import UploadOut

HINTS = (
    "state",
    "received_bytes",
    "size_bytes",
    "duration_s",
    "transcribed_s",
    "percent",
    "minutes_percent",
    "speed",
    "left_s",
    "paused",
)
"""The fields of an `upload` event."""


def upload_out(session: Session, upload: Upload) -> UploadOut:
    transcribed = _transcribed_samples(session, upload)
    total = expected_samples(upload)
    wall_s = ((upload.finished_at or now()) - upload.started_at).total_seconds() if upload.started_at else 0.0
    speed = s_of_samples(transcribed) / wall_s if transcribed and wall_s > 0 else None
    percent = _percent(upload, transcribed, total)
    minutes = minutes_progress(session, upload) if percent == 100.0 else None
    left_s = s_of_samples(total - transcribed) / speed if total is not None and speed else None
    return UploadOut(
        id=upload.id,
        meeting_id=upload.meeting_id,
        name=upload.name,
        state=UploadState(upload.state),
        priority=upload.priority,
        paused=upload.paused,
        channels=Channels(upload.channels),
        streams=upload.streams,
        size_bytes=upload.size_bytes,
        received_bytes=upload.received_bytes,
        sha256=upload.sha256,
        media=upload.media,
        duration_s=None if upload.duration_samples is None else s_of_samples(upload.duration_samples),
        decoded_s=s_of_samples(upload.decoded_sample),
        transcribed_s=s_of_samples(transcribed),
        percent=percent,
        speed=speed,
        left_s=left_s if minutes is None else minutes.left_s,
        minutes_percent=None if minutes is None else minutes.percent,
        coverage=_coverage(session, upload),
        failed_reason=_failed_reason(session, upload),
        duplicate_of=upload.duplicate_of,
        reason=upload.reason,
        detail=upload.detail,
        created_at=upload.created_at,
        expires_at=upload.expires_at,
        finished_at=upload.finished_at,
        file_deleted_at=upload.file_deleted_at,
    )


def upload_event(out: UploadOut) -> Event:
    """Return the progress event for clients that follow the meeting."""
    facts = out.model_dump(mode="json")
    return Event("upload", {"id": out.id, **{name: facts[name] for name in HINTS}})


def event_of_meeting(session: Session, meeting_id: str) -> Event | None:
    """Return the progress event of a meeting's upload, or None for a meeting without an upload."""
    upload = session.scalar(select(Upload).where(Upload.meeting_id == meeting_id))
    return None if upload is None else upload_event(upload_out(session, upload))


def expected_samples(upload: Upload) -> int | None:
    """Return the length of the recording, or None when it is unknown.

    Until the file is decoded this is the length in its header, unless that is longer than a meeting can be.
    """
    if upload.duration_samples is not None:
        return upload.duration_samples
    claimed = upload.media.get("header_duration_s")
    if claimed is None or samples_of_s(claimed) > MEETING_LIMIT_SAMPLES:
        return None
    return max(samples_of_s(claimed), upload.decoded_sample)


def _transcribed_samples(session: Session, upload: Upload) -> int:
    """How far all tracks are transcribed. The tracks of a file have the same length."""
    chosen = select(func.min(Track.committed_sample)).where(Track.meeting_id == upload.meeting_id)
    return int(session.scalar(chosen) or 0)


def _coverage(session: Session, upload: Upload) -> CoverageTotals:
    tracks = session.scalars(select(Track).where(Track.meeting_id == upload.meeting_id))
    return coverage_totals(session, {track.id: max(track.received_sample, track.committed_sample) for track in tracks})


def _failed_reason(session: Session, upload: Upload) -> str | None:
    """The reason for which most of the failed audio could not be transcribed, None if none has failed."""
    chosen = (
        select(Coverage.reason)
        .join(Track, Track.id == Coverage.track_id)
        .where(Track.meeting_id == upload.meeting_id, Coverage.kind == CoverageKind.FAILED)
        .group_by(Coverage.reason)
        .order_by(func.sum(Coverage.end_sample - Coverage.first_sample).desc())
        .limit(1)
    )
    return session.scalar(chosen)


def _percent(upload: Upload, transcribed: int, total: int | None) -> float | None:
    if upload.state == UploadState.FINISHED:
        return 100.0
    if total is None:
        return None if upload.state == UploadState.DECODING else 0.0
    return min(100.0, 100.0 * transcribed / total) if total else 100.0
