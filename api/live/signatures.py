"""What is sent by mistake where PCM is wanted, told by how it begins."""

from __future__ import annotations

import re

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
