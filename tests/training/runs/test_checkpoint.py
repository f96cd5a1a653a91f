from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from schema.core.errors import BrokenCheckpoint, StorageFull
from training.runs.checkpoint import Checkpoints, random_state, restore_random_state


def state(value: float, size: int = 8) -> dict[str, object]:
    return {"weights": {"a": torch.full((size,), value)}, "step": 3, "nothing": None}


def test_the_latest_checkpoint_is_loaded_and_only_the_newest_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, kept=2)
    for step in (1, 2, 10):
        checkpoints.save(step, state(step))
    assert checkpoints.steps == [2, 10]
    found = checkpoints.load_latest()
    assert found is not None
    assert found[0] == 10
    assert found[1]["weights"]["a"].tolist() == [10.0] * 8


@pytest.mark.parametrize("name", ["state.pt", "SHA256SUMS"])
def test_instead_of_a_damaged_checkpoint_the_one_before_is_loaded(name: str, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, kept=2)
    checkpoints.save(1, state(1))
    damaged = checkpoints.save(2, state(2)) / name
    damaged.write_bytes(damaged.read_bytes()[:-20])
    found = checkpoints.load_latest()
    assert found is not None
    assert found[0] == 1


def test_without_an_intact_checkpoint_the_run_is_refused_instead_of_restarted(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, kept=2)
    (checkpoints.save(1, state(1)) / "state.pt").write_bytes(b"no")
    with pytest.raises(BrokenCheckpoint, match="--fresh"):
        checkpoints.load_latest()


def test_an_unfinished_checkpoint_is_ignored(tmp_path: Path) -> None:
    (tmp_path / ".draft-4").mkdir()
    (tmp_path / ".draft-4/state.pt").write_bytes(b"half")
    checkpoints = Checkpoints(tmp_path, kept=2)
    assert checkpoints.load_latest() is None
    checkpoints.save(4, state(4))
    assert checkpoints.steps == [4]


@pytest.mark.parametrize("ballast_bytes", [0, 500_000])
def test_a_full_disk_keeps_the_last_good_checkpoint(ballast_bytes: int, small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("1m")
    checkpoints = Checkpoints(disk / "checkpoints", kept=2)
    checkpoints.save(1, state(1, 25_000))
    # By the size of its tensors the second checkpoint fits, but writing it fails.
    (disk / "ballast").write_bytes(bytes(ballast_bytes))
    with pytest.raises(StorageFull, match="step 1 is kept"):
        checkpoints.save(2, state(2, 250_000 if not ballast_bytes else 98_000))
    found = checkpoints.load_latest()
    assert found is not None
    assert found[0] == 1
    assert [path.name for path in checkpoints.folder.iterdir()] == ["step-00000001"]


def test_restored_random_generators_continue_where_they_were() -> None:
    before = random_state()
    drawn = (torch.rand(3).tolist(), np.random.rand(), random.random())
    restore_random_state(before)
    assert (torch.rand(3).tolist(), np.random.rand(), random.random()) == drawn
