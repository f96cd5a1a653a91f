"""Stores the audio that transcription has committed, in pieces, before the mailbox lets go of it.

A piece is booked in SQL, then stored, then marked as stored, and the release that trims the mailbox comes after that.
So a worker that takes over from a dead one writes the same piece again. A storage that fails holds up no transcription.
"""

from __future__ import annotations

import logging
import time

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from schema.core.errors import AudioTrimmed, MinutebookError, NotFound, StorageFull
from schema.core.states import CoverageKind
from schema.core.units import BYTES_PER_SAMPLE, samples_of_s
from schema.kept_audio.flac import to_flac
from schema.kept_audio.pieces import advance_kept, book_piece, book_stored
from schema.kept_audio.tables import AudioPiece
from schema.meetings.tables import Coverage
from schema.stores import Stores
from workers.transcribe.track_rows import TrackFacts

log = logging.getLogger(__name__)

PIECE_SAMPLES = samples_of_s(30)
"""A live track is stored in pieces of this length. Until then its audio stays in the mailbox."""
PIECE_LIMIT_SAMPLES = samples_of_s(60)
HELD_SAMPLES = samples_of_s(300)
"""How much committed audio of a track may wait in Redis for a storage that fails. What is before that is given up."""
REST_S = 30.0
"""A storage that has failed is left alone for so long, because each attempt may take as long as a step."""


class AudioKeeper:
    def __init__(self, stores: Stores, reserve_bytes: int) -> None:
        self._stores = stores
        self._reserve_bytes = reserve_bytes
        self._rests_until_s = 0.0

    def keep(self, facts: TrackFacts, committed_sample: int, *, ends: bool) -> int | None:
        """Store what is committed, in whole pieces unless the track *ends*.

        Returns from where on the mailbox has to keep the audio, None if this track's audio is not kept.
        """
        kept = facts.kept_sample
        if kept is None:
            return None
        try:
            while committed_sample - kept >= PIECE_SAMPLES or (ends and committed_sample > kept):
                if time.monotonic() < self._rests_until_s:
                    break
                kept = self._keep_piece(facts, kept, min(committed_sample, kept + PIECE_LIMIT_SAMPLES))
        except (MinutebookError, IntegrityError) as error:  # another worker may have booked the same piece just now
            log.warning("audio of meeting %s is not stored yet: %s", facts.meeting_id, error)
            self._rests_until_s = time.monotonic() + REST_S
        return max(kept, committed_sample - HELD_SAMPLES)

    def _keep_piece(self, facts: TrackFacts, first_sample: int, end_sample: int) -> int:
        """Store the audio from *first_sample* on. Returns where the stored audio ends."""
        with self._stores.database.write() as session:
            piece = book_piece(session, facts.meeting_id, facts.track_id, first_sample, end_sample)
        if piece.size_bytes is None:
            samples = self._read(piece)
            if samples is None or not self._store(piece, samples):
                return self._leave_out(piece)
        with self._stores.database.write() as session:
            advance_kept(session, facts.track_id, first_sample, piece.end_sample)
        return piece.end_sample

    def _read(self, piece: AudioPiece) -> NDArray[np.int16] | None:
        """The audio of *piece*, or None if there is none. What the producer has lost is silent."""
        try:
            spans = self._stores.mailbox.read(piece.track_id, piece.first_sample, piece.end_sample - piece.first_sample)
        except AudioTrimmed:  # Redis has lost it
            return None
        if all(span.pcm is None for span in spans):
            return None
        lengths = [BYTES_PER_SAMPLE * (span.end_sample - span.first_sample) for span in spans]
        pcm = b"".join(span.pcm or bytes(length) for span, length in zip(spans, lengths, strict=True))
        return np.frombuffer(pcm, dtype="<i2")

    def _store(self, piece: AudioPiece, samples: NDArray[np.int16]) -> bool:
        """Returns False if the meeting was deleted in the meantime."""
        free = self._stores.files.free_bytes()
        if free is not None and free < self._reserve_bytes:
            raise StorageFull(f"the storage has {free} bytes left, and MINUTEBOOK_STORAGE_RESERVE_BYTES are kept free")
        flac = to_flac(samples)
        if not self._is_there(piece):
            self._stores.files.append(piece.file_id, 0, flac)
            self._stores.files.commit(piece.file_id, len(flac))
        with self._stores.database.write() as session:
            booked = book_stored(session, piece, len(flac))
        if not booked:
            self._stores.files.delete(piece.file_id)
        return booked

    def _is_there(self, piece: AudioPiece) -> bool:
        """Whether a worker that died before it could say so has stored the piece."""
        try:
            self._stores.files.open(piece.file_id).close()
        except NotFound:
            return False
        return True

    def _leave_out(self, piece: AudioPiece) -> int:
        """Go on after this piece, or after the hole that it lies in. It is silent when the meeting is heard."""
        with self._stores.database.write() as session:
            there = session.get(AudioPiece, piece.file_id)
            if there is not None:
                session.delete(there)
            end_sample = max(piece.end_sample, _end_of_hole(session, piece))
            advance_kept(session, piece.track_id, piece.first_sample, end_sample)
        return end_sample


def _end_of_hole(session: Session, piece: AudioPiece) -> int:
    """Where the missing audio ends in which *piece* begins, 0 if it does not."""
    hole = select(Coverage.end_sample).where(
        Coverage.track_id == piece.track_id,
        Coverage.kind == CoverageKind.MISSING,
        Coverage.first_sample <= piece.first_sample,
        Coverage.end_sample > piece.first_sample,
    )
    return session.scalar(hole) or 0
