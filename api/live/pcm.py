"""What producers send as audio: raw PCM16, or a WAV file that holds it. Anything else is refused by name."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from api.live.signatures import name_of
from schema.core.errors import InvalidAudio
from schema.core.units import BYTES_PER_SAMPLE, SAMPLE_RATE_HZ

PCM_FORMAT, EXTENSIBLE_FORMAT = 1, 0xFFFE
CONVERT = "convert it, for example with 'ffmpeg -i IN -ac 1 -ar 16000 -c:a pcm_s16le OUT.wav'"
FORMAT_NAMES = {3: "32-bit floating point", 6: "A-law", 7: "µ-law", 0x55: "MP3"}

_CHUNK = struct.Struct("<4sI")
_FORMAT = struct.Struct("<HHIIHH")


def pcm_of(body: bytes, first_sample: int) -> bytes:
    """The PCM16 of a request's body, which is raw or a WAV file. Raises InvalidAudio."""
    if body[:4] == b"RIFF" and body[8:12] == b"WAVE":
        return _pcm_of_wav(body)
    check_raw(body, first_sample)
    return body


def check_raw(pcm: bytes, first_sample: int) -> None:
    """Raise InvalidAudio when *pcm* is the beginning of a file of some other format."""
    if first_sample > 0:
        return  # what lies inside a recording may look like anything, and must not be lost for it
    if pcm[:4] == b"RIFF" and pcm[8:12] == b"WAVE":
        raise InvalidAudio("the frame begins with a WAV header; send its samples only, without the header")
    name = name_of(pcm)
    if name is not None:
        raise InvalidAudio(f"this is {name}, not PCM; {CONVERT}")


def _pcm_of_wav(body: bytes) -> bytes:
    known = False
    for kind, chunk in _chunks(body):
        if kind == b"fmt ":
            _check_format(chunk)
            known = True
        elif kind == b"data":
            if not known:
                raise InvalidAudio(f"the WAV file says nothing of its format before its data; {CONVERT}")
            return chunk
    raise InvalidAudio(f"the WAV file of {len(body)} bytes holds no data chunk; send the whole file")


def _chunks(body: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + _CHUNK.size <= len(body):
        kind, size = _CHUNK.unpack_from(body, at)
        at += _CHUNK.size
        if kind == b"data" and size in (0, 0xFFFFFFFF):  # written by a program that streams
            size = len(body) - at
        if at + size > len(body):
            raise InvalidAudio(
                f"the WAV file ends early: its chunk {kind.decode('ascii', 'replace').strip()!r} says {size} bytes, "
                f"{len(body) - at} are there; send the whole file"
            )
        yield kind, body[at : at + size]
        at += size + size % 2


def _check_format(chunk: bytes) -> None:
    if len(chunk) < _FORMAT.size:
        raise InvalidAudio(f"the WAV file's format chunk has {len(chunk)} bytes, at least 16 are needed; {CONVERT}")
    code, channels, rate_hz, _bytes_per_s, _align, bits = _FORMAT.unpack_from(chunk)
    if code == EXTENSIBLE_FORMAT and len(chunk) >= 26:
        (code,) = struct.unpack_from("<H", chunk, 24)
    if code != PCM_FORMAT:
        raise InvalidAudio(f"the WAV file holds {FORMAT_NAMES.get(code, f'format {code}')}, not PCM; {CONVERT}")
    if rate_hz != SAMPLE_RATE_HZ:
        raise InvalidAudio(f"the WAV file has {rate_hz} Hz, {SAMPLE_RATE_HZ} Hz are needed; {CONVERT}", rate_hz=rate_hz)
    if channels != 1:
        raise InvalidAudio(f"the WAV file has {channels} channels, 1 is needed; {CONVERT}", channels=channels)
    if bits != 8 * BYTES_PER_SAMPLE:
        raise InvalidAudio(f"the WAV file has {bits} bits a sample, 16 are needed; {CONVERT}", bits=bits)
