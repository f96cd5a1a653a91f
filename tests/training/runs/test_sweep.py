from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.models import CACHE
from tests.training.runs.test_matrix import small_config
from training.runs.config import to_yaml
from training.runs.sweep import SweepGrid, grid_points, sweep

pytestmark = pytest.mark.model


def test_a_grid_has_every_combination_once_and_full_training_without_ranks() -> None:
    grid = SweepGrid(run="run.yaml", methods=("full", "lora"), ranks=(4, 8), precisions=("float32", "int8"))
    names = [place.name for place in grid_points(grid)]
    assert names == ["full-float32", "full-int8", "lora-r4-float32", "lora-r4-int8", "lora-r8-float32", "lora-r8-int8"]


def test_a_sweep_writes_a_table_of_finished_and_impossible_runs(
    model: Callable[[str], str], recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MINUTEBOOK_MODEL_DIR", str(CACHE))
    options = {"max_new_tokens": 4}
    config = small_config("t5", model("t5"), recordings, steps=2, evaluate_every=2, options=options)
    (tmp_path / "run.yaml").write_text(to_yaml(config))
    (tmp_path / "sweep.yaml").write_text("run: run.yaml\nmethods: [lora]\nranks: [2, 80]\nprecisions: [float32]\n")
    table = sweep(tmp_path / "sweep.yaml", ["batch_size=2"], tmp_path / "runs", "minutebook sweep sweep.yaml")
    done, impossible = (line for line in table.read_text().splitlines() if line.startswith("| lora"))
    assert "Rank 80 exceeds the width 64" in impossible
    assert "| lora | 2 | float32 |" in done
    assert (table.parent / "rouge1.svg").exists()
    (metrics,) = json.loads((table.parent / "sweep.json").read_text())
    assert metrics["training"]["examples"] == 4
    # The same command again finds the run finished and does not write its metrics again.
    made = (table.parent / "lora-r2-float32/metrics.json").stat().st_mtime_ns
    sweep(tmp_path / "sweep.yaml", ["batch_size=2"], tmp_path / "runs", "minutebook sweep sweep.yaml")
    assert (table.parent / "lora-r2-float32/metrics.json").stat().st_mtime_ns == made
