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


def test_what_was_saved_comes_back_and_only_the_newest_stay(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, kept=2)
    for step in (1, 2, 10):
        checkpoints.save(step, state(step))
    assert checkpoints.steps == [2, 10]
    found = checkpoints.load_latest()
    assert found is not None
    assert found[0] == 10
    assert found[1]["weights"]["a"].tolist() == [10.0] * 8


@pytest.mark.parametrize("name", ["state.pt", "SHA256SUMS"])
def test_of_a_damaged_checkpoint_the_one_before_is_taken(name: str, tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, kept=2)
    checkpoints.save(1, state(1))
    damaged = checkpoints.save(2, state(2)) / name
    damaged.write_bytes(damaged.read_bytes()[:-20])
    found = checkpoints.load_latest()
    assert found is not None
    assert found[0] == 1


def test_when_none_is_whole_that_is_said_and_not_taken_for_a_beginning(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, kept=2)
    (checkpoints.save(1, state(1)) / "state.pt").write_bytes(b"no")
    with pytest.raises(BrokenCheckpoint, match="--fresh"):
        checkpoints.load_latest()


def test_a_checkpoint_that_was_being_written_is_none(tmp_path: Path) -> None:
    (tmp_path / ".draft-4").mkdir()
    (tmp_path / ".draft-4/state.pt").write_bytes(b"half")
    checkpoints = Checkpoints(tmp_path, kept=2)
    assert checkpoints.load_latest() is None
    checkpoints.save(4, state(4))
    assert checkpoints.steps == [4]


@pytest.mark.parametrize("ballast_bytes", [0, 500_000])
def test_a_full_disk_leaves_the_last_good_checkpoint(ballast_bytes: int, small_disk: Callable[[str], Path]) -> None:
    disk = small_disk("1m")
    checkpoints = Checkpoints(disk / "checkpoints", kept=2)
    checkpoints.save(1, state(1, 25_000))
    # The second size fits by the tensors alone and fails while it is written.
    (disk / "ballast").write_bytes(bytes(ballast_bytes))
    with pytest.raises(StorageFull, match="step 1 is kept"):
        checkpoints.save(2, state(2, 250_000 if not ballast_bytes else 98_000))
    found = checkpoints.load_latest()
    assert found is not None
    assert found[0] == 1
    assert [path.name for path in checkpoints.folder.iterdir()] == ["step-00000001"]


def test_random_generators_go_on_where_they_were() -> None:
    before = random_state()
    drawn = (torch.rand(3).tolist(), np.random.rand(), random.random())
    restore_random_state(before)
    assert (torch.rand(3).tolist(), np.random.rand(), random.random()) == drawn
