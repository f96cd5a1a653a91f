"""Storage of uploaded files: a folder, or anything that fsspec reaches, such as S3.

`append` adds to a file while it is received, and `commit` makes it readable. Names are our own ids, never a name that a
user gave. All calls block, and all may be repeated. They raise Unavailable when the storage cannot be reached and
StorageFull when it has no room.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any, BinaryIO, Protocol, cast

import fsspec  # type: ignore[import-untyped]

from schema.core.disk import NO_ROOM
from schema.core.errors import InvalidInput, MinutebookError, NotFound, StorageFull, Unavailable, WrongOffset

COPY_BYTES = 8 << 20
S3_OPTIONS: dict[str, Any] = {
    "config_kwargs": {"connect_timeout": 5, "read_timeout": 20, "retries": {"max_attempts": 2}}
}
_ID = re.compile(r"[0-9a-f]{24}")


class Files(Protocol):
    def append(self, file_id: str, at: int, data: bytes) -> None:
        """Write *data* at byte *at*, on disk when this returns. Raises WrongOffset if the file ends before *at*."""

    def commit(self, file_id: str, size: int) -> None:
        """Make the file of *size* bytes readable. Raises WrongOffset if it is shorter than that."""

    def open(self, file_id: str) -> BinaryIO:
        """Open a committed file to read and seek in. Raises NotFound."""

    def delete(self, file_id: str) -> None:
        """Remove the file, committed or not. It is no error if there is none."""

    def free_bytes(self) -> int | None:
        """Free space in bytes; None if the storage does not say."""


def open_files(url: str) -> Files:
    """Open the storage at *url*: a folder, or a URL that fsspec knows. Raises InvalidInput."""
    if "://" not in url or url.startswith("file://"):
        return LocalFiles(Path(url.removeprefix("file://")))
    protocol = url.partition("://")[0]
    try:
        filesystem, root = fsspec.url_to_fs(url, **(S3_OPTIONS if protocol == "s3" else {}))
    except (ValueError, ImportError) as error:
        raise InvalidInput(
            f"MINUTEBOOK_STORAGE names '{protocol}://', which cannot be used ({error}); give a folder, or give "
            "s3://bucket after pip install 'minutebook[s3]'"
        ) from error
    return RemoteFiles(filesystem, root)


class LocalFiles:
    """Files in a folder. `ID.part` grows while the file is received; `commit` renames it to `ID`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.expanduser().absolute()

    def append(self, file_id: str, at: int, data: bytes) -> None:
        path = self._part(file_id)
        with self._translated():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
            with os.fdopen(descriptor, "wb", buffering=0) as file:
                there = os.fstat(descriptor).st_size
                if there < at:
                    raise _wrong_offset(file_id, at, there)
                # An earlier attempt may have left bytes after *at*. They are overwritten, not truncated: another
                # request may have written them in the meantime.
                _write(file, at, data)
                os.fsync(descriptor)

    def commit(self, file_id: str, size: int) -> None:
        with self._translated():
            if self._whole(file_id).exists():
                return
            there = self._size(self._part(file_id))
            if there < size:
                raise _wrong_offset(file_id, size, there)
            os.truncate(self._part(file_id), size)
            self._part(file_id).rename(self._whole(file_id))
            self._sync_folder()

    def open(self, file_id: str) -> BinaryIO:
        with self._translated():
            try:
                return self._whole(file_id).open("rb")
            except FileNotFoundError as error:
                raise _not_found(file_id) from error

    def delete(self, file_id: str) -> None:
        with self._translated():
            self._part(file_id).unlink(missing_ok=True)
            self._whole(file_id).unlink(missing_ok=True)

    def free_bytes(self) -> int | None:
        with self._translated():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return shutil.disk_usage(self.folder).free

    def _whole(self, file_id: str) -> Path:
        return self.folder / _checked(file_id)

    def _part(self, file_id: str) -> Path:
        return self.folder / f"{_checked(file_id)}.part"

    @staticmethod
    def _size(path: Path) -> int:
        return path.stat().st_size if path.exists() else 0

    def _sync_folder(self) -> None:
        descriptor = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _away(str(self.folder), error) from error


class RemoteFiles:
    """Objects in a bucket. Each received piece is `ID.part/OFFSET`; `commit` joins the pieces into `ID`."""

    def __init__(self, filesystem: Any, root: str) -> None:
        self.filesystem = filesystem
        self.root = root.rstrip("/")

    def append(self, file_id: str, at: int, data: bytes) -> None:
        with self._translated():
            self.filesystem.pipe_file(self._piece(file_id, at), data)

    def commit(self, file_id: str, size: int) -> None:
        with self._translated():
            if self.filesystem.exists(self._whole(file_id)):
                return
            pieces = self._chain(file_id, size)
            with self.filesystem.open(self._whole(file_id), "wb", block_size=COPY_BYTES) as whole:
                for piece in pieces:
                    whole.write(self.filesystem.cat_file(piece))
            self._delete_pieces(file_id)

    def open(self, file_id: str) -> BinaryIO:
        with self._translated():
            try:
                opened = self.filesystem.open(self._whole(file_id), "rb", block_size=COPY_BYTES)
            except FileNotFoundError as error:
                raise _not_found(file_id) from error
            return cast("BinaryIO", opened)

    def delete(self, file_id: str) -> None:
        with self._translated():
            self._delete_pieces(file_id)
            with suppress(FileNotFoundError):
                self.filesystem.rm_file(self._whole(file_id))

    def free_bytes(self) -> int | None:
        return None

    def _chain(self, file_id: str, size: int) -> list[str]:
        """The pieces that follow one another from 0 to *size*. Pieces left by a broken connection are skipped."""
        found = self.filesystem.find(self._pieces(file_id), detail=True)
        sizes = {int(name.rpartition("/")[2]): (name, int(facts["size"])) for name, facts in found.items()}
        at, chain = 0, list[str]()
        while at < size:
            if at not in sizes or not sizes[at][1]:
                raise _wrong_offset(file_id, size, at)
            chain.append(sizes[at][0])
            at += sizes[at][1]
        return chain

    def _delete_pieces(self, file_id: str) -> None:
        with suppress(FileNotFoundError):
            for piece in self.filesystem.find(self._pieces(file_id)):
                self.filesystem.rm_file(piece)

    def _whole(self, file_id: str) -> str:
        return f"{self.root}/{_checked(file_id)}"

    def _pieces(self, file_id: str) -> str:
        return f"{self._whole(file_id)}.part"

    def _piece(self, file_id: str, at: int) -> str:
        return f"{self._pieces(file_id)}/{at:016d}"

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except MinutebookError:
            raise
        except Exception as error:  # every backend of fsspec raises its own errors
            raise _away(self.root, error) from error


def _write(file: IO[bytes], at: int, data: bytes) -> None:
    file.seek(at)
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _checked(file_id: str) -> str:
    if not _ID.fullmatch(file_id):
        raise InvalidInput(f"{file_id[:40]!r} is not the id of a file; use the id from the upload's answer")
    return file_id


def _wrong_offset(file_id: str, at: int, there: int) -> WrongOffset:
    return WrongOffset(f"file {file_id} has {there} bytes, not {at}; continue at byte {there}", expected_offset=there)


def _not_found(file_id: str) -> NotFound:
    return NotFound(f"file {file_id} is not in the storage; send it again")


def _away(place: str, error: Exception) -> MinutebookError:
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return StorageFull(f"the storage {place} has no room ({error.strerror}); free some and send the file again")
    return Unavailable(
        f"the storage {place} cannot be used ({str(error) or type(error).__name__}); "
        "check that it exists and that MINUTEBOOK_STORAGE is right"
    )
