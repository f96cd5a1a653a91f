"""The file store: a folder for each adapter, called by its checksum, there whole or not at all."""

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

from schema.core.errors import BrokenModel, StorageFull, Unavailable
from schema.core.storage import NO_ROOM
from workers.models.adapters import stored
from workers.models.cache import MANIFEST, write_manifest

DRAFT, BROKEN = ".draft-", ".broken-"
LEFT_OVER_S = 24 * 3600
"""A draft so old belongs to nobody any more."""


@dataclass(frozen=True, slots=True)
class Stored:
    checksum: str
    size_bytes: int


def put(store: Path, files: Mapping[str, Path | bytes]) -> Stored:
    """Copy *files* (name → where it is, or what it holds) into a folder of their own; the same files have the same one.

    Raises StorageFull, Unavailable; then nothing of it is in the store.
    """
    with _translated(store):
        store.mkdir(parents=True, exist_ok=True)
        _drop_left_over(store)
        draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=store))
        try:
            size = _fill(draft, files)
            checksum = hashlib.sha256((draft / MANIFEST).read_bytes()).hexdigest()
            _settle(draft, store / checksum)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return Stored(checksum, size)


def _fill(draft: Path, files: Mapping[str, Path | bytes]) -> int:
    for name, content in files.items():
        if isinstance(content, bytes):
            (draft / name).write_bytes(content)
        else:
            shutil.copyfile(content, draft / name)
    write_manifest(draft)
    draft.chmod(0o755)  # a temporary folder is private to its maker; workers may be other users
    for path in draft.iterdir():
        path.chmod(0o644)
        _sync(path)
    return sum(path.stat().st_size for path in draft.iterdir())


def _settle(draft: Path, target: Path) -> None:
    """Make *draft* the folder *target*, unless that is there and whole."""
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


def _drop_left_over(store: Path) -> None:
    """Of publishers that were killed."""
    for path in store.glob(".*-*"):
        if path.name.startswith((DRAFT, BROKEN)) and time.time() - path.stat().st_mtime > LEFT_OVER_S:
            shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _translated(store: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in NO_ROOM:
            raise StorageFull(
                f"the store {store} has no room ({error.strerror}); free some and publish again"
            ) from error
        raise Unavailable(
            f"the store {store} cannot be used ({error.strerror}: {error.filename}); check that this user may write "
            "there, or name another with MINUTEBOOK_ADAPTER_DIR"
        ) from error
