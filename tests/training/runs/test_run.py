"""Whole runs: stopped, killed, resumed, in two processes, and refused."""

from __future__ import annotations

import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch

from schema.core.errors import Conflict, InvalidConfig, StorageFull
from tests.training.models import CACHE
from tests.training.runs.test_matrix import small_config
from tests.waiting import wait_until
from training.runs.config import RunConfig, to_yaml
from training.runs.run import RunFolders, train

pytestmark = pytest.mark.model
ROOT = Path(__file__).parents[3]


@pytest.fixture
def config(model: Callable[[str], str], recordings: Path) -> RunConfig:
    """A run of T5 with AdaLoRA, which has its own state, and with dropout."""
    torch.set_num_threads(1)  # as in the processes below, since the number of threads changes the rounding of sums
    method = {"kind": "adalora", "rank": 2, "init_rank": 4, "dropout": 0.1}
    return small_config(
        "t5", model("t5"), recordings, method=method, steps=60, batch_size=3, checkpoint_every=5, evaluate_every=20,
        options={"max_new_tokens": 8},
    )  # fmt: skip


@contextmanager
def started(config: RunConfig, runs: Path, launcher: Sequence[str] = ()) -> Iterator[subprocess.Popen[str]]:
    """Start the run in a separate process, which is killed at the end of the block."""
    runs.mkdir(parents=True, exist_ok=True)
    path = runs / f"{config.name}.yaml"
    path.write_text(to_yaml(config))
    with subprocess.Popen(
        [sys.executable, *launcher, "-m", "training", "train", str(path), "--runs", str(runs)],
        cwd=ROOT,
        env={**os.environ, "MINUTEBOOK_MODEL_DIR": str(CACHE), "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_for_checkpoint(process: subprocess.Popen[str], folder: Path, after: int) -> None:
    """Wait for a checkpoint later than step *after*."""

    def steps() -> list[int]:
        assert process.poll() is None, process.communicate()[1]
        return [int(path.name[5:]) for path in folder.glob("checkpoints/step-*")]

    # Loading the libraries counts too, which takes long on a busy machine.
    wait_until("a later checkpoint exists", steps, lambda seen: max(seen, default=0) > after, patience_s=900)


def losses(folder: Path) -> list[str]:
    with (folder / "curve.csv").open(newline="") as file:
        return [row["train_loss"] for row in csv.DictReader(file)]


@pytest.mark.faults
def test_a_run_that_was_stopped_and_killed_ends_like_an_undisturbed_one(config: RunConfig, places: RunFolders) -> None:
    train(config, places, "minutebook train whole.yaml")
    disturbed = places.runs / "disturbed"
    with started(config, disturbed) as process:
        wait_for_checkpoint(process, disturbed / "toy", 0)
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()
    assert process.returncode == 130, stderr
    assert "Resume with: minutebook train" in stderr
    (stopped,) = (int(path.name[5:]) for path in sorted(disturbed.glob("toy/checkpoints/step-*"))[-1:])
    with started(config, disturbed) as process:
        wait_for_checkpoint(process, disturbed / "toy", stopped)
    assert not (disturbed / "toy/metrics.json").exists()
    metrics = train(config, RunFolders(disturbed, CACHE), "minutebook train whole.yaml")
    assert metrics["training"]["steps"] == 60
    assert losses(disturbed / "toy") == losses(places.runs / "toy")


def test_two_processes_make_the_same_steps_as_one(
    model: Callable[[str], str], recordings: Path, places: RunFolders
) -> None:
    config = small_config("t5", model("t5"), recordings, steps=8, batch_size=4, evaluate_every=8)
    train(config, places, "minutebook train toy.yaml")
    launcher = ("-m", "accelerate.commands.launch", "--cpu", "--num_processes=2", "--num_machines=1")
    with started(config, places.runs / "two", (*launcher, "--mixed_precision=no", "--dynamo_backend=no")) as process:
        _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert "kernels-community" not in stderr
    two, one = (list(map(float, losses(folder / "toy"))) for folder in (places.runs / "two", places.runs))
    assert two == pytest.approx(one, rel=1e-4)


def test_a_run_writes_its_configuration_report_curve_and_metrics(config: RunConfig, places: RunFolders) -> None:
    quick = config.model_copy(update={"steps": 10})
    metrics = train(quick, places, "minutebook train quick.yaml --set steps=10")
    folder = places.runs / "toy"
    assert (folder / "config.yaml").read_text().startswith("# minutebook train quick.yaml --set steps=10\n")
    report = (folder / "report.md").read_text()
    assert "minutebook train quick.yaml" in report
    assert "loss.svg" in report
    assert (folder / "loss.svg").read_text().startswith("<svg")
    assert list((folder / "tensorboard").glob("events.out.tfevents.*"))
    assert {"rouge1", "base_rouge1", "rouge1_change_low", "rougeLsum_change_high"} <= set(metrics["served"])
    assert metrics["cost"]["result_bytes"] > 0
    # The same command again finds the run finished.
    assert train(quick, places, "minutebook train quick.yaml") == metrics


@pytest.mark.faults
def test_a_run_that_found_the_disk_full_at_its_adapter_is_finished_later(
    model: Callable[[str], str], recordings: Path, small_disk: Callable[[str], Path]
) -> None:
    method = {"kind": "lora", "rank": 32}
    config = small_config("t5", model("t5"), recordings, method=method, steps=2, batch_size=2, evaluate_every=2)
    places = RunFolders(small_disk("16m"), CACHE)
    whole = train(config, places, "minutebook train toy.yaml")
    folder = places.runs / "toy"
    size = (folder / "adapter/adapter_model.safetensors").stat().st_size
    shutil.rmtree(folder / "adapter")
    (folder / "metrics.json").unlink()
    ballast = places.runs / "ballast"
    with pytest.raises(OSError, match="No space left"):
        ballast.write_bytes(bytes(16 << 20))
    os.truncate(ballast, ballast.stat().st_size - size // 2)
    with pytest.raises(StorageFull, match=r"The last checkpoint is kept\. Free some space and run the same command"):
        train(config, places, "minutebook train toy.yaml")
    assert [path.name for path in folder.glob("*adapter*")] == []
    assert losses(folder)
    ballast.unlink()
    metrics = train(config, places, "minutebook train toy.yaml")
    assert metrics["served"] == whole["served"]
    assert (folder / "adapter/adapter_model.safetensors").stat().st_size == size


def test_a_folder_of_another_run_is_only_replaced_with_fresh(config: RunConfig, places: RunFolders) -> None:
    train(config.model_copy(update={"steps": 10}), places, "minutebook train a.yaml")
    other = config.model_copy(update={"steps": 10, "learning_rate": 0.5})
    with pytest.raises(Conflict, match=r"learning_rate was 0\.02 and is now 0\.5"):
        train(other, places, "minutebook train a.yaml")
    assert train(other, places, "minutebook train a.yaml", fresh=True)["training"]["steps"] == 10


def test_a_refused_run_does_not_prevent_a_corrected_one(config: RunConfig, places: RunFolders) -> None:
    with pytest.raises(InvalidConfig, match="Raise steps"):
        train(config.model_copy(update={"steps": 9}), places, "minutebook train a.yaml")
    assert train(config.model_copy(update={"steps": 10}), places, "minutebook train a.yaml")["training"]["steps"] == 10


FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "a rank above the width": ({"method": {"kind": "lora", "rank": 65}}, "Rank 65 exceeds the width 64"),
    "adalora's first rank above it": ({"method": {"kind": "adalora", "rank": 60}}, "method.init_rank"),
    "targets that match nothing": ({"method": {"targets": ("nowhere",)}}, "nowhere match no linear layer.* wi, wo"),
    "too few steps for adalora": ({"method": {"kind": "adalora", "rank": 2}, "steps": 9}, "at least 10 .* has 9"),
    "an unknown recipe": ({"recipe": "nothing"}, "recipe 'nothing' is unknown. Use one of: .*summarize"),
    "an unknown option": ({"options": {"contxt": 1}}, "options: contxt = 1: This key is unknown"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_invalid_settings_are_refused_before_the_first_step(
    fault: str, model: Callable[[str], str], recordings: Path, places: RunFolders
) -> None:
    changes, message = FAULTS[fault]
    with pytest.raises(InvalidConfig, match=message):
        train(small_config("t5", model("t5"), recordings, **changes), places, "minutebook train toy.yaml")
