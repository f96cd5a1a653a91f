"""Checkpoints: folders that are either complete or absent, so that a killed run continues as if nothing had happened.

`checkpoints/step-00000120/state.pt` holds the trained weights, the optimiser, the method's own state, the random
generators and the position in the data. `SHA256SUMS` shows that it is complete.
"""

from __future__ import annotations

import errno
import logging
import os
import random
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from schema.core.errors import BrokenCheckpoint, BrokenModel, StorageFull
from training.runs.run_folder import is_disk_full
from workers.models.cache import verify_sums, write_manifest

log = logging.getLogger(__name__)
STATE = "state.pt"
_PREFIX, _DRAFT = "step-", ".draft-"


class Checkpoints:
    """The checkpoints of one run in *folder*. The newest *kept* stay."""

    def __init__(self, folder: Path, kept: int) -> None:
        self.folder = folder
        self.kept = kept

    @property
    def steps(self) -> list[int]:
        """Steps with a checkpoint, oldest first."""
        return sorted(int(path.name.removeprefix(_PREFIX)) for path in self.folder.glob(f"{_PREFIX}*"))

    def save(self, step: int, state: Mapping[str, Any]) -> Path:
        """Write *state* after *step*. Raises StorageFull; earlier checkpoints stay."""
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f"{_DRAFT}{step}"
        shutil.rmtree(draft, ignore_errors=True)
        try:
            self._make_room(tensor_bytes(state))
            draft.mkdir()
            _write(draft, state)
            target = self._path(step)
            shutil.rmtree(target, ignore_errors=True)
            os.rename(draft, target)
            _sync(self.folder)
        except (OSError, RuntimeError) as error:  # torch wraps an OSError in a RuntimeError
            shutil.rmtree(draft, ignore_errors=True)
            if not is_disk_full(error, self.folder):
                raise
            raise StorageFull(self._no_room(step)) from error
        for old in self.steps[: -self.kept]:
            shutil.rmtree(self._path(old))
        return target

    def _make_room(self, needed_bytes: int) -> None:
        if shutil.disk_usage(self.folder).free < needed_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _no_room(self, step: int) -> str:
        last = f"The checkpoint of step {self.steps[-1]} is kept" if self.steps else "There is no earlier one"
        return (
            f"No space for the checkpoint of step {step} in {self.folder}. {last}. Free some space and run the same "
            "command again: it resumes from the last checkpoint."
        )

    def load_latest(self) -> tuple[int, dict[str, Any]] | None:
        """Step and state of the newest complete checkpoint, or None if there are no checkpoints.

        Raises BrokenCheckpoint if there are some, but none is complete.
        """
        faults = []
        for step in reversed(self.steps):
            try:
                return step, load_state(self._path(step))
            except BrokenCheckpoint as error:
                log.warning("%s Using the one before.", error.detail)
                faults.append(error.detail)
        if faults:
            raise BrokenCheckpoint(
                f"No checkpoint in {self.folder} is complete. {faults[0]} Delete the folder, or use --fresh, to start "
                "over."
            )
        return None

    def _path(self, step: int) -> Path:
        return self.folder / f"{_PREFIX}{step:08}"


def load_state(folder: Path) -> dict[str, Any]:
    """The state that `save` wrote. Raises BrokenCheckpoint."""
    try:
        if not (folder / "SHA256SUMS").is_file():
            raise BrokenModel(f"{folder} has no checksums.")
        verify_sums(folder, "This checkpoint is not complete.")
        state: dict[str, Any] = torch.load(folder / STATE, map_location="cpu", weights_only=True)
    except (BrokenModel, OSError, RuntimeError, EOFError, ValueError) as error:
        raise BrokenCheckpoint(f"{folder} cannot be read: {error}") from error
    return state


def _write(folder: Path, state: Mapping[str, Any]) -> None:
    with (folder / STATE).open("wb") as file:
        torch.save(dict(state), file)
        file.flush()
        os.fsync(file.fileno())
    write_manifest(folder)
    _sync(folder / "SHA256SUMS")
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def tensor_bytes(state: object) -> int:
    """Bytes of all tensors in nested mappings and lists."""
    if isinstance(state, torch.Tensor):
        return state.numel() * state.element_size()
    if isinstance(state, Mapping):
        return sum(tensor_bytes(value) for value in state.values())
    if isinstance(state, list | tuple):
        return sum(tensor_bytes(value) for value in state)
    return 0


def random_state() -> dict[str, Any]:
    """The state of every random generator of this process."""
    kind, keys, position, has_gauss, cached = np.random.get_state(legacy=True)
    version, internal, gauss = random.getstate()
    return {
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "numpy": [
            str(kind),
            torch.from_numpy(np.array(keys).astype(np.int64)),
            int(position),
            int(has_gauss),
            float(cached),
        ],
        "python": [version, list(internal), gauss],
    }


def restore_random_state(state: Mapping[str, Any]) -> None:
    """Restore every random generator to the state that `random_state` returned."""
    torch.set_rng_state(state["torch"])
    if state["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["cuda"])
    kind, keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), position, has_gauss, cached))
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
