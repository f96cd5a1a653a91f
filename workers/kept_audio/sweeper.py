"""Deletes audio that is not to be kept any longer: of deleted meetings, and by the setting of the server."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from schema.core.errors import MinutebookError
from schema.core.tables import now
from schema.kept_audio.retention import is_over
from schema.kept_audio.tables import AudioPiece
from schema.meetings.tables import Meeting
from schema.stores import Stores
from schema.uploads.tables import Upload

log = logging.getLogger(__name__)

SELDOM_S = 15.0
PAGE = 200
WRITTEN_WITHIN = timedelta(minutes=10)
"""A piece that is booked but not stored belongs to a worker for so long. After that the worker is dead."""


class AudioSweeper:
    def __init__(self, stores: Stores, retention: str) -> None:
        self._stores = stores
        self._retention = retention
        self._due_s = 0.0

    def run(self) -> None:
        """Sweep, but not more often than every 15 s."""
        if time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + SELDOM_S
            self.sweep()

    def sweep(self) -> None:
        """Delete files and then their rows. The next sweep completes what a crash interrupted."""
        with self._stores.database.read() as session:
            pieces = self._over(session)
        try:
            for piece in pieces:
                self._stores.files.delete(piece.file_id)
        except MinutebookError as error:
            log.warning("audio cannot be deleted yet: %s", error)
            return
        with self._stores.database.write() as session:
            # Another worker may have swept the same pieces.
            session.execute(delete(AudioPiece).where(AudioPiece.file_id.in_(piece.file_id for piece in pieces)))

    def _over(self, session: Session) -> list[AudioPiece]:
        settled = or_(AudioPiece.size_bytes.is_not(None), AudioPiece.created_at < now() - WRITTEN_WITHIN)
        chosen = (
            select(AudioPiece)
            .join(Meeting, Meeting.id == AudioPiece.meeting_id)
            .outerjoin(Upload, Upload.meeting_id == Meeting.id)
            .where(is_over(self._retention), settled)
        )
        return list(session.scalars(chosen.order_by(AudioPiece.file_id).limit(PAGE)))
