"""The file store: one folder per adapter, named by its checksum, which is either complete or absent."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from schema.core.disk import NO_ROOM
from schema.core.errors import BrokenModel, StorageFull, Unavailable
from workers.models.adapters import stored
from workers.models.cache import MANIFEST, write_manifest

DRAFT, BROKEN = ".draft-", ".broken-"
STALE_DRAFT_S = 24 * 3600
"""A draft of this age was left by a process that died."""


@dataclass(frozen=True, slots=True)
class StoredAdapter:
    checksum: str
    size_bytes: int


def put(store: Path, files: Mapping[str, Path | bytes]) -> StoredAdapter:
    """Copy *files* (name → path or content) into a folder of their own. The same files always get the same folder.

    Raises StorageFull, Unavailable; the store is then unchanged.
    """
    with _storage_errors(store):
        store.mkdir(parents=True, exist_ok=True)
        _remove_stale_drafts(store)
        draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=store))
        try:
            size = _write_files(draft, files)
            checksum = hashlib.sha256((draft / MANIFEST).read_bytes()).hexdigest()
            _move_into_place(draft, store / checksum)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return StoredAdapter(checksum, size)


def _write_files(draft: Path, files: Mapping[str, Path | bytes]) -> int:
    for name, content in files.items():
        if isinstance(content, bytes):
            (draft / name).write_bytes(content)
        else:
            shutil.copyfile(content, draft / name)
    write_manifest(draft)
    draft.chmod(0o755)  # mkdtemp makes the folder private, but workers may run as other users
    for path in draft.iterdir():
        path.chmod(0o644)
        _sync(path)
    return sum(path.stat().st_size for path in draft.iterdir())


def _move_into_place(draft: Path, target: Path) -> None:
    """Make *draft* the folder *target*, unless a complete *target* exists."""
    if target.exists():
        try:
            stored(target.parent, target.name)
        except BrokenModel:
            aside = target.with_name(f"{BROKEN}{draft.name.removeprefix(DRAFT)}")
            target.rename(aside)
            shutil.rmtree(aside, ignore_errors=True)
        else:
            return
    draft.rename(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_stale_drafts(store: Path) -> None:
    """Remove what publishers that were killed left behind."""
    for path in store.glob(".*-*"):
        if path.name.startswith((DRAFT, BROKEN)) and time.time() - path.stat().st_mtime > STALE_DRAFT_S:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _storage_errors(store: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StorageFull(
                f"the store {store} is full ({error.strerror}); free some space and publish again"
            ) from error
        raise Unavailable(
            f"the store {store} cannot be used ({error.strerror}: {error.filename}); check that this user may write "
            "there, or choose another one with MINUTEBOOK_ADAPTER_DIR"
        ) from error
