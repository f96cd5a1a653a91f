"""The boxes of an MP4 file that are complete, if it was cut off within one."""

from __future__ import annotations

import io
import os
import struct
from typing import BinaryIO

HEAD = struct.Struct(">I4s")
LARGE = struct.Struct(">Q")
TO_THE_END, HAS_LARGE_SIZE = 0, 1
"""What these sizes in the head of a box stand for."""
BOXES_LIMIT = 1_000_000
"""A recorder writes two boxes a second at most, which are 138 hours."""


class CompleteBoxes(io.RawIOBase):
    """The beginning of *file*, as far as its boxes are complete."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.size_bytes = end_of_boxes(file)
        self._file.seek(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        left = max(0, self.size_bytes - self._file.tell())
        return self._file.read(left if size < 0 else min(size, left))

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_END:
            return self._file.seek(self.size_bytes + offset)
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def end_of_boxes(file: BinaryIO) -> int:
    """The end of the last complete box."""
    size = file.seek(0, os.SEEK_END)
    at = 0
    for _ in range(BOXES_LIMIT):
        file.seek(at)
        head = file.read(HEAD.size + LARGE.size)
        if len(head) < HEAD.size:
            return at
        length, _kind = HEAD.unpack_from(head)
        if length == HAS_LARGE_SIZE and len(head) == HEAD.size + LARGE.size:
            (length,) = LARGE.unpack_from(head, HEAD.size)
        if length == TO_THE_END:
            return size
        if length < HEAD.size or at + length > size:
            return at
        at += length
    return at
