"""The local cache of model folders. A folder is created by one process, completely or not at all, with checksums."""

from __future__ import annotations

import fcntl
import hashlib
import json
import mmap
import os
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path

from schema.core.errors import BrokenModel

MANIFEST = "SHA256SUMS"


def made_once(target: Path, write: Callable[[Path], None]) -> Path:
    """Return the folder *target*, which *write* fills the first time. It exists only if it is complete."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_name(f".{target.name}.lock")):
        if not target.exists():
            _make(target, write)
    return target


def _make(target: Path, write: Callable[[Path], None]) -> None:
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        write(draft)
        write_manifest(draft)
        _make_readable(draft)
        os.rename(draft, target)
    except BaseException:
        shutil.rmtree(draft)
        raise


def _make_readable(folder: Path) -> None:
    """Let every user read *folder*. Temporary folders and safetensors files are private to the user who wrote them."""
    folder.chmod(0o755)
    for path in folder.iterdir():
        path.chmod(0o644)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of *path*. Of two processes that start together, the second waits and then finds the folder."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def write_manifest(folder: Path) -> None:
    """Write `SHA256SUMS` for the files of *folder*, in the format of `sha256sum`."""
    files = sorted(path for path in folder.iterdir() if path.is_file() and path.name != MANIFEST)
    (folder / MANIFEST).write_text("".join(f"{_sha256(path)}  {path.name}\n" for path in files))


def verify_sums(folder: Path, remedy: str) -> None:
    """Raise BrokenModel with *remedy* if a file in the manifest of *folder*, if it has one, is missing or differs."""
    if not (folder / MANIFEST).exists():
        return
    for line in (folder / MANIFEST).read_text().splitlines():
        expected, _, name = line.partition("  ")
        path = folder / name
        if not path.is_file():
            raise BrokenModel(f"{path} is missing. {remedy}")
        if _sha256(path) != expected:
            raise BrokenModel(f"{path} differs from its checksum in {MANIFEST}. {remedy}")


def remedy(folder: Path, cache_dir: Path) -> str:
    """The remedy for damaged files in *folder*. If it is in the cache, it can be deleted and is created again."""
    if folder.absolute().is_relative_to(cache_dir.absolute()):
        return f"Delete {folder} and start again; it will be created anew."
    return "Put a good copy of the file there, or give the folder of a complete model."


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


_HEADER_BYTES = struct.Struct("<Q")


@lru_cache(maxsize=8)
def weights_checksum(folder: Path) -> str:
    """SHA-256 in hex over the names, types, shapes and bytes of all tensors in the `*.safetensors` of *folder*.

    It is computed once per process, at a few hundred megabytes per second. Raises BrokenModel.
    """
    try:
        sums = sorted(line for path in sorted(folder.glob("*.safetensors")) for line in _sums(path))
    except (OSError, ValueError, KeyError, TypeError, struct.error) as error:
        raise BrokenModel(f"The weights in {folder} cannot be read: {error}. Fetch the model again.") from error
    if not sums:
        raise BrokenModel(f"{folder} holds no *.safetensors weights. Fetch the model again.")
    return hashlib.sha256("".join(sums).encode()).hexdigest()


def _sums(path: Path) -> Iterator[str]:
    """Yield a line for each tensor of a safetensors file.

    The file consists of the length of its header in 8 bytes, the header as JSON, and the tensors.
    """
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
