"""The only reader of WAV headers. It reads files in memory and streams whose writers do not know their length.

The audio is used unconverted, so only 16 kHz mono PCM16 is accepted. FFmpeg or libsndfile decode other audio.
"""

from __future__ import annotations

import io
import struct
from typing import BinaryIO

from schema.core.errors import InvalidAudio
from schema.core.units import BYTES_PER_SAMPLE, MEETING_LIMIT_SAMPLES, SAMPLE_RATE_HZ

CONVERT = "convert it, for example with 'ffmpeg -i IN -ac 1 -ar 16000 -c:a pcm_s16le -f wav OUT' (OUT may be '-')"
RIFF_BYTES = 12
"""`RIFF`, the size of the file, `WAVE`."""
LONG_KINDS = frozenset({b"RF64", b"BW64"})
"""They stand in place of `RIFF` where sizes have 64 bits. The chunk `ds64` then states the size of the samples."""
PCM_CODE, EXTENSIBLE_CODE = 1, 0xFFFE
FORMAT_NAMES = {3: "floating-point samples", 6: "A-law", 7: "µ-law", 0x55: "MP3"}
UNKNOWN_FROM_BYTES = 0x7FFF0000
"""Programs that write to a pipe do not know the size of the samples. They state 0 or about the highest signed or
unsigned number of 32 bits: FFmpeg 0xFFFFFFFF, SoX 0x7FFFF000, others such a number less the size of the header."""
LONG_SIZE = 0xFFFFFFFF
"""Stands in a 32-bit field whose value is in `ds64`."""
SUBFORMAT_AT = 24
"""WAVE_FORMAT_EXTENSIBLE names the format of its samples at this byte of the format chunk."""
SKIP_BYTES = 1 << 16
_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")
_CODE = struct.Struct("<H")
_LONG_SIZES = struct.Struct("<QQ")


def is_wav(head: bytes) -> bool:
    """Whether *head*, at least the first 12 bytes, begins a WAV file."""
    return (head[:4] == b"RIFF" or head[:4] in LONG_KINDS) and head[8:RIFF_BYTES] == b"WAVE"


def read_wav_header(file: BinaryIO) -> int | None:
    """Read *file* from after its first 12 bytes up to its first sample, and return the size of the samples in bytes.

    Returns None if the writer did not know the size: the samples end with the file. Raises InvalidAudio if the header
    is damaged or describes anything but 16 kHz mono PCM16. A wrong format is reported as soon as it is read.
    """
    known_format, long_size = False, 0
    while len(head := read_exactly(file, _CHUNK.size)) == _CHUNK.size:
        kind, size = _CHUNK.unpack(head)
        if kind == b"data":
            if not known_format:
                raise InvalidAudio(f"the WAV file does not state the format of its samples before them; {CONVERT}")
            return _samples_bytes(size, long_size)
        chunk = _read_chunk(file, kind, size)
        if kind == b"fmt ":
            _check_format(chunk)
            known_format = True
        elif kind == b"ds64" and len(chunk) >= _LONG_SIZES.size:
            _riff_size, long_size = _LONG_SIZES.unpack_from(chunk)
    raise InvalidAudio("the WAV file has no data chunk: it ends before its samples; send the whole file")


def _samples_bytes(stated: int, long_size: int) -> int | None:
    """The size of the samples, or None if it is unknown. *long_size* is the size in `ds64`, 0 without one."""
    if stated == LONG_SIZE and 0 < long_size <= MEETING_LIMIT_SAMPLES * BYTES_PER_SAMPLE:
        return long_size
    return None if stated == 0 or stated >= UNKNOWN_FROM_BYTES else stated


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
