"""The kept audio of a meeting as one WAV file. Only the pieces that are read are decoded."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby

import numpy as np
import soundfile
from numpy.typing import NDArray

from schema.core.errors import NotFound
from schema.core.storage import Files
from schema.core.units import BYTES_PER_SAMPLE, SAMPLE_RATE_HZ, samples_of_s
from schema.kept_audio.flac import from_flac
from schema.kept_audio.tables import AudioPiece

log = logging.getLogger(__name__)

BLOCK_SAMPLES = samples_of_s(10)
LOUDEST = np.iinfo(np.int16)
SIZE_LIMIT_BYTES = 0xFFFFFFFF
_FORMAT = struct.pack(
    "<4sIHHIIHH",
    b"fmt ",
    16,
    1,
    1,
    SAMPLE_RATE_HZ,
    SAMPLE_RATE_HZ * BYTES_PER_SAMPLE,
    BYTES_PER_SAMPLE,
    8 * BYTES_PER_SAMPLE,
)


def wav_header(data_bytes: int) -> bytes:
    """The header of a WAV file of 16 kHz mono PCM16. Beyond 4 GB, after 37 hours, it is RF64."""
    after_riff = 4 + len(_FORMAT) + 8 + data_bytes
    if after_riff <= SIZE_LIMIT_BYTES:
        return struct.pack("<4sI4s", b"RIFF", after_riff, b"WAVE") + _FORMAT + struct.pack("<4sI", b"data", data_bytes)
    sizes = struct.pack("<QQQI", after_riff + 36, data_bytes, data_bytes // BYTES_PER_SAMPLE, 0)
    head = struct.pack("<4sI4s4sI", b"RF64", SIZE_LIMIT_BYTES, b"WAVE", b"ds64", len(sizes)) + sizes
    return head + _FORMAT + struct.pack("<4sI", b"data", SIZE_LIMIT_BYTES)


class TrackAudioReader:
    """Reads the audio of one track. Where no piece is, it is silent."""

    def __init__(self, files: Files, pieces: Sequence[AudioPiece]) -> None:
        self._files = files
        self._pieces = pieces
        self._samples = lru_cache(maxsize=1)(self._read)

    def add_to(self, mixed: NDArray[np.int32], first_sample: int) -> None:
        """Add the audio from *first_sample* on to *mixed* (n,)."""
        end_sample = first_sample + len(mixed)
        for piece in self._pieces:
            first, end = max(first_sample, piece.first_sample), min(end_sample, piece.end_sample)
            if first < end:
                part = self._samples(piece)[first - piece.first_sample : end - piece.first_sample]
                mixed[first - first_sample : first - first_sample + len(part)] += part

    def _read(self, piece: AudioPiece) -> NDArray[np.int16]:
        try:
            with self._files.open(piece.file_id) as file:
                return from_flac(file)
        except (NotFound, soundfile.LibsndfileError) as error:
            log.warning("audio %s of meeting %s is left out: %s", piece.file_id, piece.meeting_id, error)
            return np.zeros(0, np.int16)


class MeetingAudio:
    """A WAV file of `size_bytes`. All tracks of *pieces* are mixed, except for the spans that are *silenced*."""

    def __init__(self, files: Files, pieces: Sequence[AudioPiece], silenced: Sequence[tuple[int, int]] = ()) -> None:
        self._tracks = [TrackAudioReader(files, list(own)) for _, own in groupby(pieces, lambda each: each.track_id)]
        self._silenced = silenced
        self.end_sample = max((piece.end_sample for piece in pieces), default=0)
        self._header = wav_header(self.end_sample * BYTES_PER_SAMPLE)
        self.size_bytes = len(self._header) + self.end_sample * BYTES_PER_SAMPLE

    def read(self, first_byte: int, end_byte: int) -> Iterator[bytes]:
        """The bytes [first_byte, end_byte) of the file, in blocks."""
        head = len(self._header)
        if first_byte < head:
            yield self._header[first_byte:end_byte]
        at = max(first_byte, head)
        while at < end_byte:
            first_sample = (at - head) // BYTES_PER_SAMPLE
            block = self._mixed(first_sample, min(first_sample + BLOCK_SAMPLES, self.end_sample))
            skipped = at - head - first_sample * BYTES_PER_SAMPLE
            data = block[skipped : skipped + end_byte - at]
            yield data
            at += len(data)

    def _mixed(self, first_sample: int, end_sample: int) -> bytes:
        mixed = np.zeros(end_sample - first_sample, np.int32)
        for track in self._tracks:
            track.add_to(mixed, first_sample)
        for first, end in self._silenced:
            mixed[max(0, first - first_sample) : max(0, end - first_sample)] = 0
        return np.clip(mixed, LOUDEST.min, LOUDEST.max).astype("<i2").tobytes()
