"""Books the pieces of kept audio. Each function runs in the caller's transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Collection

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from schema.kept_audio.tables import AudioPiece
from schema.meetings.tables import Track


def book_piece(session: Session, meeting_id: str, track_id: str, first_sample: int, end_sample: int) -> AudioPiece:
    """The piece that begins at *first_sample*: the one that a killed worker had booked, or a new one."""
    file_id = hashlib.sha256(f"{track_id}/{first_sample}".encode()).hexdigest()[:24]
    booked = session.get(AudioPiece, file_id)
    if booked is None:
        booked = AudioPiece(
            file_id=file_id,
            meeting_id=meeting_id,
            track_id=track_id,
            first_sample=first_sample,
            end_sample=end_sample,
        )
        session.add(booked)
        session.flush()
    return booked


def book_stored(session: Session, piece: AudioPiece, size_bytes: int) -> bool:
    """Note that the file of *piece* is stored. Returns False if the piece was deleted in the meantime."""
    stored = update(AudioPiece).where(AudioPiece.file_id == piece.file_id).values(size_bytes=size_bytes)
    return bool(session.execute(stored).rowcount)  # type: ignore[attr-defined]


def advance_kept(session: Session, track_id: str, first_sample: int, end_sample: int) -> None:
    """Note that the audio of a track before *end_sample* is kept, or lost for good."""
    chosen = update(Track).where(Track.id == track_id, Track.kept_sample == first_sample)
    session.execute(chosen.values(kept_sample=end_sample))


def pieces_of(session: Session, meeting_id: str, track: str | None = None) -> list[AudioPiece]:
    """The stored pieces of a meeting, or of its track called *track*, by track and time."""
    chosen = (
        select(AudioPiece)
        .join(Track, Track.id == AudioPiece.track_id)
        .where(AudioPiece.meeting_id == meeting_id, AudioPiece.size_bytes.is_not(None))
    )
    if track is not None:
        chosen = chosen.where(Track.name == track)
    return list(session.scalars(chosen.order_by(AudioPiece.track_id, AudioPiece.first_sample)))


def kept_samples(session: Session, meeting_ids: Collection[str]) -> dict[str, int]:
    """Where the kept audio of each meeting ends. Meetings without any are left out."""
    end = func.max(AudioPiece.end_sample)
    chosen = select(AudioPiece.meeting_id, end).where(
        AudioPiece.meeting_id.in_(meeting_ids), AudioPiece.size_bytes.is_not(None)
    )
    return {meeting_id: int(sample) for meeting_id, sample in session.execute(chosen.group_by(AudioPiece.meeting_id))}
