"""A short run of the recipe `detector` learns to tell lines apart."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schema.core.errors import InvalidConfig
from tests import models
from training.data.invented_meetings import FOLDER
from training.recipes.detector import average_precision
from training.runs.config import RunConfig
from training.runs.run import RunFolders, train
from workers.summarize.detection.detector import Detector
from workers.summarize.detection.network import OUTPUTS
from workers.summarize.text.segment import SpokenSegment


@pytest.fixture(scope="module")
def few_meetings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("invented")
    for split, count in (("train", 6), ("dev", 1)):
        for path in sorted((FOLDER / split / "en").glob("*.txt"))[:count]:
            (folder / split / "en").mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / split / "en")
    return folder


def config(folder: Path, **changes: Any) -> RunConfig:
    values: dict[str, Any] = {
        "name": "detector", "recipe": "detector", "model": "none", "device": "cpu", "method": {"kind": "full"},
        "train": {"source": str(folder), "split": "train"}, "dev": {"source": str(folder), "split": "dev"},
        "epochs": 3, "batch_size": 8, "learning_rate": 0.003,
    }  # fmt: skip
    return RunConfig.model_validate({**values, **changes})


def test_a_run_lowers_the_loss_and_its_result_serves(few_meetings: Path, tmp_path: Path) -> None:
    metrics = train(config(few_meetings), RunFolders(tmp_path / "runs", models.FOLDER), "test")
    with (tmp_path / "runs/detector/curve.csv").open() as file:
        losses = [float(row["dev_loss"]) for row in csv.DictReader(file) if row["dev_loss"]]
    assert losses[-1] < losses[0]
    assert metrics["served"]["average_precision_action"] > 0.0
    detector = Detector.load(models.line_encoder(), tmp_path / "runs/detector/model")
    read = detector.read([SpokenSegment(1, "Ann", 0, 1, "I will call them.")], [])
    assert read.probabilities.shape == (1, OUTPUTS)


def test_a_detector_has_no_base_to_adapt(few_meetings: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"method\.kind=full"):
        train(config(few_meetings, method={"kind": "lora"}), RunFolders(tmp_path, tmp_path), "test")


def test_average_precision_is_one_where_all_true_lines_come_first() -> None:
    labels = np.array([1, 0, 1, 0], np.float32)
    assert average_precision(labels, np.array([0.9, 0.2, 0.8, 0.1], np.float32)) == 1.0
    assert average_precision(labels, np.array([0.1, 0.9, 0.2, 0.8], np.float32)) == pytest.approx((1 / 3 + 2 / 4) / 2)
    assert average_precision(np.zeros(2, np.float32), np.zeros(2, np.float32)) == 0.0
