"""Tells whether a file was cut off, by what its container says about its end."""

from __future__ import annotations

import os
import struct
from typing import Any, BinaryIO

import av
from av.container import InputContainer

SLACK = 1.002, 2.0
"""A factor and seconds. A file counts as cut off if its header claims more than factor × found length + seconds."""
SLACK_OF_COUNTS = 1.0, 0.2
COUNTED = frozenset({"flac", "wv", "tta", "mp3", "aiff", "au"})
"""Formats with one stream, whose header counts its samples or frames."""
SIZELESS = frozenset({"wav", "avi", "caf"})
"""FFmpeg computes the length of these from their size, which a program that writes to a pipe does not know."""
RIFF = struct.Struct("<4sI")
RF64 = struct.Struct("<4sI4s4sIQ")
UNKNOWN_SIZES = 1 << 31, 1 << 32
UNKNOWN_SIZE_SLACK = 1 << 16
"""A program that writes WAV to a pipe puts about 2 GiB or 4 GiB where the size of the file belongs."""
CAF_CHUNK = struct.Struct(">4sq")
CAF_CHUNKS_LIMIT = 100
"""So many chunks may stand before the sound, so that a file of empty chunks does not take long."""
ASF_HEAD_BYTES = 1 << 13
ASF_PROPERTIES = bytes.fromhex("A1DCAB8C47A9CF118EE400C00C205365")
ASF_SIZE_AND_FLAGS = struct.Struct("<40xQ40xI")
ASF_BROADCAST = 1
"""A flag of ASF files whose size was not known when their head was written."""
OGG_PAGE = struct.Struct("<4sBBqIIIB")
OGG_PAGE_LIMIT_BYTES = OGG_PAGE.size + 255 + 255 * 255


class Completeness:
    """Watches all packets of a file, of pictures too: sound may well end before them.

    *claimed_s* is the length that the header claims, None if it claims none. It may be wrong, so a file counts as cut
    off only if no stream comes near to it. *ends_early* is what `ends_early` says.
    """

    def __init__(self, container: InputContainer, claimed_s: float | None, ends_early: bool) -> None:
        self._ends_early = ends_early
        self._knows_its_size = container.format.name not in SIZELESS
        self._claimed_s = claimed_s if self._knows_its_size else None
        self._slack = SLACK_OF_COUNTS if container.format.name in COUNTED else SLACK
        self._start_s = min(0, container.start_time or 0) / av.time_base
        self._end_s = 0.0
        self._last_is_cut = False

    def note(self, packet: av.Packet[Any]) -> None:
        time = packet.dts if packet.pts is None else packet.pts
        if not packet.size:
            return
        self._last_is_cut = packet.is_corrupt
        if time is not None and packet.time_base is not None:
            self._end_s = max(self._end_s, float((time + (packet.duration or 0)) * packet.time_base) - self._start_s)

    @property
    def cut_off(self) -> bool:
        """Whether the file ends early, once all packets were noted."""
        factor, slack_s = self._slack
        short = self._claimed_s is not None and self._claimed_s > factor * self._end_s + slack_s
        return short or self._ends_early or (self._last_is_cut and self._knows_its_size)


def ends_early(file: BinaryIO) -> bool:
    """Whether the sizes in a WAV, AVI, CAF, ASF (WMA) or Ogg file reach beyond its end. Leaves *file* at its
    beginning."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(RF64.size)
    if head[:4] == b"OggS":
        early = _ends_in_a_page(file, size)
    elif head[:4] == b"caff":
        early = _caf_bytes(file) > size
    else:
        early = max(_riff_bytes(head), _asf_bytes(file)) > size
    file.seek(0)
    return early


def has_broken_index(file: BinaryIO) -> bool:
    """Whether an AVI file has no usable index, since it was cut off or its recorder never finished it. Leaves *file* at
    its beginning.

    FFmpeg would follow the part of the index that is there, and leave out the sound behind that.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(RF64.size)
    file.seek(0)
    is_avi = head[:4] == b"RIFF" and head[8:12] == b"AVI "
    return is_avi and not RF64.size < _riff_bytes(head) <= size


def _riff_bytes(head: bytes) -> int:
    """The size of a WAV or AVI file by its first bytes, 0 if it is unknown or the file is of another kind."""
    if len(head) < RF64.size:
        return 0
    if head[:4] == b"RF64":
        return RIFF.size + int(RF64.unpack(head)[-1])
    kind, claimed = RIFF.unpack_from(head)
    unknown = min(abs(claimed - size) for size in UNKNOWN_SIZES) <= UNKNOWN_SIZE_SLACK
    return 0 if kind != b"RIFF" or unknown else RIFF.size + int(claimed)


def _caf_bytes(file: BinaryIO) -> int:
    """Where the sound of a CAF file ends by the sizes of its chunks, 0 if that is unknown."""
    at = 8
    for _ in range(CAF_CHUNKS_LIMIT):
        file.seek(at)
        head = file.read(CAF_CHUNK.size)
        if len(head) < CAF_CHUNK.size:
            return 0
        kind, length = CAF_CHUNK.unpack(head)
        if length < 0:
            return 0
        at += CAF_CHUNK.size + int(length)
        if kind == b"data":
            return at
    return 0


def _asf_bytes(file: BinaryIO) -> int:
    """The size of an ASF file by its head, 0 if it is unknown or the file is of another kind."""
    file.seek(0)
    head = file.read(ASF_HEAD_BYTES)
    at = head.find(ASF_PROPERTIES) if head[:4] == b"\x30\x26\xb2\x75" else -1
    if at < 0 or len(head) - at < ASF_SIZE_AND_FLAGS.size:
        return 0
    claimed, flags = ASF_SIZE_AND_FLAGS.unpack_from(head, at)
    return 0 if flags & ASF_BROADCAST else int(claimed)


def _ends_in_a_page(file: BinaryIO, size: int) -> bool:
    """Whether an Ogg file ends in the middle of a page, or of a packet that the next page would continue."""
    file.seek(max(0, size - OGG_PAGE_LIMIT_BYTES))
    tail = file.read(OGG_PAGE_LIMIT_BYTES)
    at = tail.rfind(b"OggS")
    if at < 0 or len(tail) - at < OGG_PAGE.size:
        return True
    segments = OGG_PAGE.unpack_from(tail, at)[-1]
    lengths = tail[at + OGG_PAGE.size : at + OGG_PAGE.size + segments]
    end = at + OGG_PAGE.size + segments + sum(lengths)
    return len(lengths) < segments or end > len(tail) or lengths[-1:] == b"\xff"
