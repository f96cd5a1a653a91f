"""Kept audio as the workers store it."""

from __future__ import annotations

from sqlalchemy import select

from schema.core.units import samples_of_s
from schema.kept_audio.flac import to_flac
from schema.kept_audio.pieces import book_piece, book_stored
from schema.meetings.tables import Track
from tests.api.conftest import Api
from training.data.audio import Samples


def keep(api: Api, meeting_id: str, first_s: float, samples: Samples, track: str = "main") -> str:
    """Store *samples* as a worker does, and return the id of the file."""
    flac = to_flac(samples)
    with api.database.write() as session:
        chosen = select(Track.id).where(Track.meeting_id == meeting_id, Track.name == track)
        first = samples_of_s(first_s)
        piece = book_piece(session, meeting_id, session.scalars(chosen).one(), first, first + len(samples))
        book_stored(session, piece, len(flac))
    api.stores.files.append(piece.file_id, 0, flac)
    api.stores.files.commit(piece.file_id, len(flac))
    return piece.file_id
