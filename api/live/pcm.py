"""Checks the audio of producers: raw PCM16 or a WAV file with PCM16. Any other format is refused by name."""

from __future__ import annotations

import io
import re

from schema.core.errors import InvalidAudio
from schema.core.wav import CONVERT, RIFF_BYTES, ends_early, is_wav, read_wav_header

MAGICS = {
    b"fLaC": "a FLAC file",
    b"OggS": "an Ogg file",
    b"ID3\x02": "an MP3 file",
    b"ID3\x03": "an MP3 file",
    b"ID3\x04": "an MP3 file",
    b"\x1aE\xdf\xa3": "a WebM or Matroska file",
    b"FORM": "an AIFF file",
    b"caff": "a CAF file",
    b"RIFX": "a big-endian WAV file",
    b".snd": "an AU file",
    b"#!AM": "an AMR file",
    b"wvpk": "a WavPack file",
}
"""By the first four bytes: fewer would also match real audio."""
TEXT = re.compile(rb"[\t\n\r\x20-\x7e]{64}")
"""Text, or a form. As PCM it would be 32 samples in a row that are loud, positive and printable in both bytes."""
MP3_KBIT_PER_S = {
    3: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""The bit rates 1 to 14, by MPEG version as coded in the header (3 is MPEG-1, 2 is MPEG-2)."""
MP3_RATES_HZ = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000)}


def name_of(body: bytes) -> str | None:
    """The format of *body* if it is certainly not PCM, such as `a FLAC file`; otherwise None."""
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
    """Whether a frame of the same kind begins where the first one ends, which is no coincidence."""
    second = body[frame_bytes : frame_bytes + 3]
    return frame_bytes > 0 and len(second) == 3 and second[:2] == body[:2] and not (second[2] ^ body[2]) & 0x0C


def _mp3_frame_bytes(head: bytes) -> int:
    """The length of the MPEG layer III frame with this *head*, 0 if there is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, rate, speed = head[1] >> 3 & 3, head[2] >> 2 & 3, head[2] >> 4
    if version not in MP3_RATES_HZ or rate == 3 or not 1 <= speed <= 14:
        return 0
    bytes_per_kbit = 144_000 if version == 3 else 72_000
    return bytes_per_kbit * MP3_KBIT_PER_S[version][speed - 1] // MP3_RATES_HZ[version][rate] + (head[2] >> 1 & 1)


def _aac_frame_bytes(head: bytes) -> int:
    """The length of the ADTS frame with this *head*, 0 if there is none."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return 0
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5


def pcm_of(body: bytes, first_sample: int, limit_bytes: int) -> bytes:
    """The PCM16 in the body of a request, which is raw or a WAV file. Raises InvalidAudio.

    A WAV header that states more than *limit_bytes*, which is what a request may carry, begins a stream. Its samples
    end with the body.
    """
    if is_wav(body):
        return _pcm_of_wav(body, limit_bytes)
    check_raw(body, first_sample)
    return body


def check_raw(pcm: bytes, first_sample: int) -> None:
    """Raises InvalidAudio if a recording begins with *pcm* and *pcm* is the beginning of a file in another format."""
    if first_sample > 0:
        return  # audio inside a recording may look like any format, and must not be refused for that
    if is_wav(pcm):
        raise InvalidAudio("the frame begins with a WAV header; send the samples only, without the header")
    name = name_of(pcm)
    if name is not None:
        raise InvalidAudio(f"this is {name}, not PCM; {CONVERT}")


def _pcm_of_wav(body: bytes, limit_bytes: int) -> bytes:
    file = io.BytesIO(body)
    file.seek(RIFF_BYTES)
    size = read_wav_header(file)
    samples = file.read(size)
    if size is not None and len(samples) < size <= limit_bytes:
        raise ends_early(b"data", size, len(samples))
    return samples
