"""Reads the kept audio of a live meeting, as a decoder process reads a file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import soundfile
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.orm import Session

from schema.core.errors import MinutebookError, NotFound
from schema.core.states import CoverageKind
from schema.core.storage import Files
from schema.kept_audio.flac import from_flac
from schema.kept_audio.pieces import pieces_of
from schema.kept_audio.tables import AudioPiece
from schema.meetings.tables import Coverage, Track
from schema.stores import Stores
from schema.uploads.failures import UploadFailure
from workers.ingest.decoder_process import DecodingEnded, MediaFound
from workers.ingest.merger import Hole
from workers.ingest.messages import BLOCK_SAMPLES, DecodingFailed

SampleRange = tuple[int, int]


@dataclass(frozen=True, slots=True)
class TrackParts:
    """The same span of each track: PCM16 (samples,), or a hole where a track has no audio."""

    tracks: Sequence[NDArray[np.int16] | Hole]
    samples: int


class KeptSound:
    """Yields the audio of all tracks of *meeting_id* from *from_sample* on, in the order of their names.

    What the producer had lost is a hole, as is what was not stored. A track that ends before the others is silent.
    """

    def __init__(self, stores: Stores, meeting_id: str, from_sample: int) -> None:
        with stores.database.read() as session:
            self._tracks = _kept_tracks(session, stores.files, meeting_id)
        self._at = from_sample
        self._end = max((track.end_sample for track in self._tracks), default=0)
        self._announced = False

    def has_output(self, _wait_s: float) -> bool:
        return True

    def next(self) -> MediaFound | TrackParts | DecodingEnded:
        """Return `MediaFound` first, then all parts, and `DecodingEnded` last. Raises DecodingFailed."""
        if not self._end:  # An empty version would replace the meeting.
            raise _deleted()
        if not self._announced:
            self._announced = True
            return MediaFound(list(range(1, len(self._tracks) + 1)), {"tags": {}})
        if self._at >= self._end:
            return DecodingEnded(self._end, {"truncated": False})
        first, self._at = self._at, self._next_edge()
        return TrackParts([track.part(first, self._at) for track in self._tracks], self._at - first)

    def close(self) -> None:
        """Nothing is open between two calls."""

    def _next_edge(self) -> int:
        """The end of the next part: no track goes from sound to a hole within it."""
        edges = [edge for track in self._tracks for span in track.spans for edge in span if edge > self._at]
        return min([self._at + BLOCK_SAMPLES, self._end, *edges])


class _KeptTrack:
    """The pieces of one track. `spans` are where it has sound."""

    def __init__(self, files: Files, pieces: Sequence[AudioPiece], missing: Sequence[SampleRange]) -> None:
        self._files = files
        self._pieces = pieces
        self._samples = lru_cache(maxsize=1)(self._read)
        self.end_sample = max((piece.end_sample for piece in pieces), default=0)
        self.spans = [span for piece in pieces for span in _without(missing, (piece.first_sample, piece.end_sample))]

    def part(self, first_sample: int, end_sample: int) -> NDArray[np.int16] | Hole:
        """The part [first_sample, end_sample), which crosses no edge of `spans`."""
        if first_sample >= self.end_sample:
            return np.zeros(end_sample - first_sample, np.int16)
        if not any(first <= first_sample and end_sample <= end for first, end in self.spans):
            return Hole(end_sample - first_sample)
        piece = next(each for each in self._pieces if each.first_sample <= first_sample < each.end_sample)
        return self._samples(piece)[first_sample - piece.first_sample : end_sample - piece.first_sample]

    def _read(self, piece: AudioPiece) -> NDArray[np.int16]:
        try:
            with self._files.open(piece.file_id) as file:
                samples = from_flac(file)
        except NotFound as error:
            raise _deleted() from error
        except soundfile.LibsndfileError as error:
            raise _damaged(piece) from error
        except MinutebookError as error:
            raise DecodingFailed(UploadFailure.STORAGE_AWAY, error.detail) from error
        if len(samples) != piece.end_sample - piece.first_sample:
            raise _damaged(piece)
        return samples


def _deleted() -> DecodingFailed:
    detail = "the audio of the meeting was deleted before it was read again; its earlier version is unchanged"
    return DecodingFailed(UploadFailure.FILE_MISSING, detail)


def _damaged(piece: AudioPiece) -> DecodingFailed:
    detail = f"the file {piece.file_id} in the storage, kept audio of the meeting, is damaged; restore it from a backup"
    return DecodingFailed(UploadFailure.DAMAGED, detail)


def _kept_tracks(session: Session, files: Files, meeting_id: str) -> list[_KeptTrack]:
    pieces = pieces_of(session, meeting_id)
    tracks = session.scalars(select(Track.id).where(Track.meeting_id == meeting_id).order_by(Track.name)).all()
    return [
        _KeptTrack(files, [piece for piece in pieces if piece.track_id == track_id], _missing(session, track_id))
        for track_id in tracks
    ]


def _missing(session: Session, track_id: str) -> list[SampleRange]:
    """The spans of a track that its producer had lost, in order."""
    chosen = select(Coverage.first_sample, Coverage.end_sample).where(
        Coverage.track_id == track_id, Coverage.kind == CoverageKind.MISSING
    )
    return [(first, end) for first, end in session.execute(chosen.order_by(Coverage.first_sample))]


def _without(taken: Sequence[SampleRange], span: SampleRange) -> list[SampleRange]:
    """What is left of *span* without the spans *taken*, which are in order."""
    left, (at, end) = [], span
    for first, last in taken:
        if first > at:
            left.append((at, min(first, end)))
        at = max(at, last)
    if at < end:
        left.append((at, end))
    return [(first, last) for first, last in left if first < last and first >= span[0]]
