"""What producers send as audio: raw PCM16, or a WAV file that holds it. Anything else is refused by name."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from schema.core.errors import InvalidAudio
from schema.core.units import BYTES_PER_SAMPLE, SAMPLE_RATE_HZ

MAGICS = {
    b"fLaC": "a FLAC file",
    b"OggS": "an Ogg file",
    b"ID3\x02": "an MP3 file",
    b"ID3\x03": "an MP3 file",
    b"ID3\x04": "an MP3 file",
    b"\x1aE\xdf\xa3": "a WebM or Matroska file",
    b"FORM": "an AIFF file",
    b"caff": "a CAF file",
    b"RF64": "an RF64 file",
    b"RIFX": "a big-endian WAV file",
    b".snd": "an AU file",
    b"#!AM": "an AMR file",
    b"wvpk": "a WavPack file",
}
"""Four bytes each, so that no real audio is taken for one."""
TEXT = re.compile(rb"[\t\n\r\x20-\x7e]{64}")
"""As PCM, 32 samples in a row that are loud, positive and printable in both bytes. A form's body begins so too."""
MP3_KBIT_PER_S = {
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""By MPEG version as a header writes it (3 is MPEG-1, 2 is MPEG-2), for its bit rates 1 to 14."""
MP3_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000)}


def name_of(body: bytes) -> str | None:
    """What *body* is when it is surely no PCM, such as `a FLAC file`; else None."""
    if name := MAGICS.get(body[:4]):
        return name
    if body[4:8] == b"ftyp":
        return "an MP4 file"
    if TEXT.match(body):
        return "text or a form"
    if _goes_on(body, _mp3_frame_bytes(body)):
        return "an MP3 file"
    return "an AAC file" if _goes_on(body, _aac_frame_bytes(body)) else None


def _goes_on(body: bytes, frame_bytes: int) -> bool:
    """Whether a second frame of the same kind begins where the first one ends: chance does not do that."""
    second = body[frame_bytes : frame_bytes + 3]
    return frame_bytes > 0 and len(second) == 3 and second[:2] == body[:2] and not (second[2] ^ body[2]) & 0x0C


def _mp3_frame_bytes(head: bytes) -> int:
    """The length of the MPEG layer III frame with this *head*, 0 when it is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, rate, speed = head[1] >> 3 & 3, head[2] >> 2 & 3, head[2] >> 4
    if version not in MP3_RATES_HZ or rate == 3 or not 1 <= speed <= 14:
        return 0
    bytes_per_kbit = 144_000 if version == 3 else 72_000
    return bytes_per_kbit * MP3_KBIT_PER_S[version][speed - 1] // MP3_RATES_HZ[version][rate] + (head[2] >> 1 & 1)


def _aac_frame_bytes(head: bytes) -> int:
    """The length of the ADTS frame with this *head*, 0 when it is none."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return 0
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5


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
