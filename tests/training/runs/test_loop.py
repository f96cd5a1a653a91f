from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from accelerate import Accelerator

from schema.core.errors import NotFinite, OutOfMemory
from tests.training.tiny_task import TinyTask
from training.networks.methods import attach
from training.runs.checkpoint import Checkpoints
from training.runs.config import DataSource, RunConfig
from training.runs.loop import Loop
from training.runs.progress import TrainingProgress, TrainingStep


def config(**changes: Any) -> RunConfig:
    here = DataSource(source="tiny", split="train")
    values: dict[str, Any] = {
        "name": "tiny", "recipe": "tiny", "model": "tiny", "train": here, "dev": here, "steps": 20, "batch_size": 8,
        "learning_rate": 0.05, "method": {"kind": "lora", "rank": 4},
    }  # fmt: skip
    return RunConfig.model_validate(values | changes)


class RecordedRun:
    """A run of the tiny task from a fixed seed. `losses` holds the loss of each step, `dev` each dev loss."""

    def __init__(self, folder: Path | None = None, task: TinyTask | None = None, **changes: Any) -> None:
        self.config = config(**changes)
        self.task = task or TinyTask()
        self.losses: list[float] = []
        self.dev: list[float] = []
        torch.manual_seed(self.config.seed)
        method = attach(self.task.net, self.config.method, self.task.targets, self.config.total_steps(40))
        checkpoints = Checkpoints(folder, 2) if folder else None
        self.stop_after = 10**6
        self.loop = Loop(
            self.task, self.config, method, Accelerator(cpu=True), checkpoints, self._note,
            lambda: self.loop.progress.step >= self.stop_after,
        )  # fmt: skip

    def _note(self, step: TrainingStep) -> None:
        self.losses.append(step.figures["loss"])
        self.dev += [step.dev["loss"]] if step.dev else []

    def go(self) -> TrainingProgress:
        return self.loop.run()


METHODS: dict[str, dict[str, Any]] = {
    "full": {"kind": "full"},
    "lora": {"kind": "lora", "rank": 4, "dropout": 0.1},
    "adalora": {"kind": "adalora", "rank": 2},
}


@pytest.mark.parametrize("method", METHODS)
def test_the_dev_loss_falls_and_the_best_is_noted(method: str) -> None:
    run = RecordedRun(method=METHODS[method], steps=60, evaluate_every=6)
    progress = run.go()
    assert progress.step == 60
    assert run.dev[-1] < 0.8 * run.dev[0]
    assert progress.best == min(run.dev[-4:] if method == "adalora" else run.dev)


@pytest.mark.parametrize("method", METHODS)
def test_a_run_resumed_from_a_checkpoint_equals_one_that_was_not_stopped(method: str, tmp_path: Path) -> None:
    whole = RecordedRun(method=METHODS[method])
    whole.go()
    first = RecordedRun(tmp_path, method=METHODS[method])
    first.stop_after = 9
    first.go()
    assert first.loop.stopped
    second = RecordedRun(tmp_path, method=METHODS[method])
    torch.manual_seed(99)
    found = Checkpoints(tmp_path, 2).load_latest()
    assert found is not None
    second.loop.restore(found[1])
    second.go()
    assert first.losses + second.losses == whole.losses
    assert second.loop.progress.best == whole.loop.progress.best


def test_the_micro_batch_size_does_not_change_the_losses() -> None:
    task = TinyTask()
    task.net.drop.p = 0.0
    whole = RecordedRun(task=task, micro_batch=8)
    whole.go()
    task = TinyTask()
    task.net.drop.p = 0.0
    cut = RecordedRun(task=task, micro_batch=3)
    cut.go()
    assert cut.losses == pytest.approx(whole.losses, rel=1e-4)


def test_running_out_of_memory_halves_the_micro_batch_and_the_run_continues(caplog: pytest.LogCaptureFixture) -> None:
    task = TinyTask(room=2)
    task.net.drop.p = 0.0
    with_room = TinyTask()
    with_room.net.drop.p = 0.0
    tight, wide = RecordedRun(task=task, micro_batch=8), RecordedRun(task=with_room, micro_batch=8)
    with caplog.at_level(logging.WARNING):
        tight.go()
    wide.go()
    assert tight.losses == pytest.approx(wide.losses, rel=1e-4)
    assert "continuing with 2 examples at once" in caplog.text


def test_a_run_stopped_just_after_a_checkpoint_does_not_write_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Writing it again would first delete it, and a second Ctrl-C could come in between."""
    saved: list[int] = []
    save = Checkpoints.save

    def noted(checkpoints: Checkpoints, step: int, state: Mapping[str, Any]) -> Path:
        saved.append(step)
        return save(checkpoints, step, state)

    monkeypatch.setattr(Checkpoints, "save", noted)
    run = RecordedRun(tmp_path, checkpoint_every=4)
    run.stop_after = 8
    run.go()
    assert saved == [4, 8]


def test_an_example_too_large_for_memory_ends_the_run_with_the_remedy() -> None:
    with pytest.raises(OutOfMemory, match="gradient_checkpointing"):
        RecordedRun(task=TinyTask(room=0)).go()


def test_a_loss_that_is_not_finite_names_the_examples_and_changes_no_weight() -> None:
    run = RecordedRun(task=TinyTask(poisoned=[17]), micro_batch=2)
    with pytest.raises(NotFinite, match=r"clip-17.*or lower learning_rate, and start over with --fresh") as caught:
        run.go()
    assert len(caught.value.facts["ids"]) == 2  # type: ignore[arg-type]
    assert all(torch.isfinite(p).all() for p in run.task.net.parameters())


def test_a_run_stops_early_when_the_dev_loss_no_longer_falls() -> None:
    run = RecordedRun(learning_rate=1e-12, patience=3, evaluate_every=1)
    run.task.evaluate = lambda: {"loss": 1.0}  # type: ignore[method-assign]
    progress = run.go()
    assert progress.step == 4
    assert progress.best_step == 1


def test_the_best_weights_are_restored() -> None:
    run = RecordedRun(learning_rate=0.5, clip_norm=1e6, evaluate_every=1, schedule="constant")
    progress = run.go()
    assert run.dev[-1] > progress.best
    run.loop.restore_best()
    run.task.net.eval()
    assert run.task.evaluate()["loss"] == pytest.approx(progress.best)
