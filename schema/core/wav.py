"""The only reader of WAV headers. It reads files in memory and streams whose writers do not know their length.

The audio is used unconverted, so only 16 kHz mono PCM16 is accepted. FFmpeg or libsndfile decode other audio.
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

from schema.core.errors import InvalidAudio
from schema.core.units import BYTES_PER_SAMPLE, SAMPLE_RATE_HZ

CONVERT = "convert it, for example with 'ffmpeg -i IN -ac 1 -ar 16000 -c:a pcm_s16le -f wav OUT' (OUT may be '-')"
RIFF_BYTES = 12
"""`RIFF`, the size of the file, `WAVE`."""
PCM_CODE, EXTENSIBLE_CODE = 1, 0xFFFE
FORMAT_NAMES = {3: "floating-point samples", 6: "A-law", 7: "µ-law", 0x55: "MP3"}
UNKNOWN_SIZES = frozenset({0, 0x7FFFFFFF, 0xFFFFFFFF})
"""Programs that write to a pipe put one of these where the size of the samples belongs."""
SUBFORMAT_AT = 24
"""WAVE_FORMAT_EXTENSIBLE names the format of its samples at this byte of the format chunk."""
SKIP_BYTES = 1 << 16
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_CODE = struct.Struct("<H")


def is_wav(head: bytes) -> bool:
    """Whether *head*, at least the first 12 bytes, begins a WAV file."""
    return head[:4] == b"RIFF" and head[8:RIFF_BYTES] == b"WAVE"


def read_wav_header(file: BinaryIO) -> int | None:
    """Read *file* from after its first 12 bytes up to its first sample, and return the size of the samples in bytes.

    Returns None if the writer did not know the size: the samples end with the file. Raises InvalidAudio if the header
    is damaged or describes anything but 16 kHz mono PCM16. A wrong format is reported as soon as it is read.
    """
    known_format = False
    while len(head := read_exactly(file, _CHUNK.size)) == _CHUNK.size:
        kind, size = _CHUNK.unpack(head)
        if kind == b"data":
            if not known_format:
                raise InvalidAudio(f"the WAV file does not state the format of its samples before them; {CONVERT}")
            return None if size in UNKNOWN_SIZES else size
        chunk = _read_chunk(file, kind, size)
        if kind == b"fmt ":
            _check_format(chunk)
            known_format = True
    raise InvalidAudio("the WAV file has no data chunk: it ends before its samples; send the whole file")


def read_exactly(file: BinaryIO, count: int) -> bytes:
    """Read *count* bytes, or fewer at the end of the file: a pipe may deliver them in pieces."""
    held = io.BytesIO()
    while held.tell() < count and (piece := file.read(count - held.tell())):
        held.write(piece)
    return held.getvalue()


def ends_early(kind: bytes, size: int, available: int) -> InvalidAudio:
    """The error for a chunk that states *size* bytes where *available* bytes follow."""
    name = kind.decode("ascii", "replace").strip()
    return InvalidAudio(
        f"the WAV file ends early: its chunk '{name}' states {size} bytes, but {available} follow; send the whole file"
    )


def _read_chunk(file: BinaryIO, kind: bytes, size: int) -> bytes:
    """The first bytes of a chunk, as many as a format can have. The rest is skipped, with the byte that pads it."""
    kept = read_exactly(file, min(size, SUBFORMAT_AT + _CODE.size))
    skipped, padded = len(kept), size + size % 2
    while skipped < padded and (piece := file.read(min(SKIP_BYTES, padded - skipped))):
        skipped += len(piece)
    if skipped < size:
        raise ends_early(kind, size, skipped)
    return kept


def _check_format(chunk: bytes) -> None:
    if len(chunk) < _FORMAT.size:
        raise InvalidAudio(
            f"the WAV file's format chunk has {len(chunk)} bytes, but needs at least {_FORMAT.size}; {CONVERT}"
        )
    code, channels, rate_hz, _bytes_per_s, _align, bits = _FORMAT.unpack_from(chunk)
    if code == EXTENSIBLE_CODE:  # a chunk too short to name another format means PCM
        code = _CODE.unpack_from(chunk, SUBFORMAT_AT)[0] if len(chunk) >= SUBFORMAT_AT + _CODE.size else PCM_CODE
    if code != PCM_CODE:
        raise InvalidAudio(f"the WAV file holds {FORMAT_NAMES.get(code, f'format {code}')}, not PCM; {CONVERT}")
    if rate_hz != SAMPLE_RATE_HZ:
        raise InvalidAudio(f"the WAV file has {rate_hz} Hz, not {SAMPLE_RATE_HZ} Hz; {CONVERT}", rate_hz=rate_hz)
    if channels != 1:
        raise InvalidAudio(f"the WAV file has {channels} channels, not 1; {CONVERT}", channels=channels)
    if bits != 8 * BYTES_PER_SAMPLE:
        raise InvalidAudio(f"the WAV file has samples of {bits} bits, not {8 * BYTES_PER_SAMPLE}; {CONVERT}", bits=bits)
