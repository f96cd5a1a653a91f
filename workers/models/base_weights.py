"""Which weights a model has: one checksum over its tensors, however they are spread over files."""

from __future__ import annotations

import hashlib
import json
import mmap
import struct
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from schema.core.errors import BrokenModel

_HEADER_BYTES = struct.Struct("<Q")


@lru_cache(maxsize=8)
def weights_checksum(folder: Path) -> str:
    """SHA-256, in hex, over the names, types, shapes and bytes of all tensors in *folder*'s `*.safetensors`.

    Computed once in a process, at a few hundred megabytes a second. Raises BrokenModel.
    """
    try:
        sums = sorted(line for path in sorted(folder.glob("*.safetensors")) for line in _sums(path))
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise BrokenModel(f"The weights in {folder} cannot be read: {error}. Fetch the model anew.") from error
    if not sums:
        raise BrokenModel(f"{folder} holds no *.safetensors weights. Fetch the model anew.")
    return hashlib.sha256("".join(sums).encode()).hexdigest()


def _sums(path: Path) -> Iterator[str]:
    """A line for each tensor of a safetensors file: 8 bytes with the header's length, a JSON header, the tensors."""
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
        memoryview(data) as view,
    ):
        (length,) = _HEADER_BYTES.unpack_from(view)
        begin = _HEADER_BYTES.size + length
        for name, facts in json.loads(bytes(view[_HEADER_BYTES.size : begin])).items():
            if name == "__metadata__":
                continue
            first, end = facts["data_offsets"]
            with view[begin + first : begin + end] as tensor:
                yield f"{name} {facts['dtype']} {facts['shape']} {hashlib.sha256(tensor).hexdigest()}\n"
