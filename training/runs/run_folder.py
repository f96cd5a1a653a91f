"""The folder of a run: who may use it, which run it belongs to, and files that are complete or absent."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from schema.core.errors import Conflict, MinutebookError, StorageFull
from training.runs.config import RunConfig, parse_config, read_yaml, to_yaml

METRICS, CONFIG = "metrics.json", "config.yaml"
FREE_TO_CHANGE = frozenset({"micro_batch", "device", "checkpoints_kept", "checkpoint_every"})
"""Settings that may change when a run is resumed, because they do not change its result."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FULL_BELOW_BYTES = 1 << 16


def ensure_config(folder: Path, config: RunConfig, command: str) -> None:
    """Write the configuration, or check that the run in *folder* has the same one. Raises Conflict.

    A run without a checkpoint has nothing to lose, so its configuration is replaced.
    """
    path = folder / CONFIG
    if path.exists() and _has_saved_steps(folder):
        before = parse_config(path, read_yaml(path)).model_dump()
        changed = {k: v for k, v in config.model_dump().items() if v != before[k] and k not in FREE_TO_CHANGE}
        if changed:
            key, value = next(iter(changed.items()))
            raise Conflict(
                f"{folder} contains a run with other settings: {key} was {before[key]!r} and is now {value!r}. Choose "
                "another name with --set name=..., or start over with --fresh."
            )
    write_whole(path, f"# {command}\n{to_yaml(config)}")


def _has_saved_steps(folder: Path) -> bool:
    """Whether *folder* contains saved steps of a run."""
    return (folder / METRICS).exists() or any(folder.glob("checkpoints/step-*"))


@contextmanager
def exclusive_lock(folder: Path) -> Iterator[None]:
    """Hold *folder* for one process at a time. Raises Conflict."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Conflict(
                f"Another process uses {folder}. Wait for it, or choose another name with --set name=..."
            ) from error
        yield


def empty_folder(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        elif path.name != ".lock":
            path.unlink()


def write_whole(path: Path, text: str) -> None:
    """Write *text* atomically, replacing the previous content."""
    draft = path.with_suffix(".draft")
    draft.write_text(text, encoding="utf-8", newline="")
    os.replace(draft, path)


@contextmanager
def replace_folder(folder: Path) -> Iterator[Path]:
    """Yields an empty folder, which then replaces *folder*. If the block fails, neither is left."""
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
def report_full_disk(folder: Path) -> Iterator[None]:
    """Raises StorageFull for any error that a full disk causes while a run writes into *folder*."""
    try:
        yield
    except MinutebookError:
        raise
    except Exception as error:
        if not is_disk_full(error, folder):
            raise
        raise StorageFull(
            f"No space in {folder}: {' '.join(str(error).split())[:200].rstrip('.')}. The last checkpoint is kept. "
            "Free some space and run the same command again: it resumes from there."
        ) from error


def is_disk_full(error: Exception, folder: Path) -> bool:
    """Whether a full disk under *folder* caused *error*. Libraries wrap the system's error, or only quote it."""
    quoted = os.strerror(errno.ENOSPC) in str(error)
    return quoted or (isinstance(error, OSError) and error.errno in _FULL) or _free_bytes(folder) < _FULL_BELOW_BYTES


def _free_bytes(folder: Path) -> int:
    return shutil.disk_usage(next(path for path in (folder, *folder.parents) if path.exists())).free
