"""The folder of a run: who works in it, what it belongs to, and files that are whole or not there."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schema.core.errors import Conflict, MinutebookError, StorageFull
from training.runs.config import Config, checked, dump, read_yaml

METRICS, CONFIG = "metrics.json", "config.yaml"
FREE_TO_CHANGE = frozenset({"micro_batch", "device", "checkpoints_kept", "checkpoint_every"})
"""Settings that a run may go on with in another way: they do not change its result."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_BELOW_BYTES = 1 << 16


def settle_config(folder: Path, config: Config, command: str) -> None:
    """Write the configuration, or see that the run that lies there has the same. Raises Conflict.

    One that was refused or stopped before its first checkpoint has nothing to lose and gives way.
    """
    path = folder / CONFIG
    if path.exists() and _has_begun(folder):
        before = checked(path, read_yaml(path)).model_dump()
        changed = {k: v for k, v in config.model_dump().items() if v != before[k] and k not in FREE_TO_CHANGE}
        if changed:
            key, value = next(iter(changed.items()))
            raise Conflict(
                f"{folder} holds a run with other settings: {key} was {before[key]!r} and is {value!r}. Take another "
                "name with --set name=..., or begin anew with --fresh."
            )
    write_whole(path, f"# {command}\n{dump(config)}")


def _has_begun(folder: Path) -> bool:
    """Whether steps of a run are kept in *folder*."""
    return (folder / METRICS).exists() or any(folder.glob("checkpoints/step-*"))


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process at a time in *folder*. Raises Conflict."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict(f"Another process works in {folder}. Wait for it, or use --set name=...") from error
        yield


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()


def write_whole(path: Path, text: str) -> None:
    """Write *text*, in place of what was there, at once."""
    draft = path.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8", newline="")
    os.replace(draft, path)


@contextmanager
def made_anew(folder: Path) -> Iterator[Path]:
    """An empty folder to fill, which then takes the place of *folder*. Where that failed there is neither."""
    draft = folder.with_name(f".{folder.name}")
    for path in (folder, draft):
        shutil.rmtree(path, ignore_errors=True)
    draft.mkdir()
    try:
        yield draft
        draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def room_in(folder: Path) -> Iterator[None]:
    """Raises StorageFull for whatever else a full disk raises while a run writes into *folder*."""
    try:
        yield
    except MinutebookError:
        raise
    except Exception as error:
        if not is_full(error, folder):
            raise
        raise StorageFull(
            f"No room in {folder}: {' '.join(str(error).split())[:200].rstrip('.')}. The last checkpoint stays. Make "
            "room there and run the same command again: it goes on from that."
        ) from error


def is_full(error: Exception, folder: Path) -> bool:
    """Whether *error* came of a full disk under *folder*. Libraries wrap the system's error, or only quote it."""
    told = os.strerror(errno.ENOSPC) in str(error)
    return told or (isinstance(error, OSError) and error.errno in _FULL) or _free_bytes(folder) < _FULL_BELOW_BYTES


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
