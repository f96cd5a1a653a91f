"""A short run of the recipe `clauses` learns which clauses say an item."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schema.core.errors import InvalidConfig
from tests import models
from training.data.clause_examples import UNKNOWN, clause_examples
from training.data.invented_meetings import FOLDER, invented_meetings
from training.runs.config import RunConfig
from training.runs.run import RunFolders, train
from workers.summarize.detection.clause_chooser import ClauseChooser
from workers.summarize.detection.clause_features import CLAUSE_WIDTH
from workers.summarize.detection.detector import Detector


@pytest.fixture(scope="module")
def few_meetings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("invented")
    for split, count in (("train", 2), ("dev", 1)):
        for path in sorted((FOLDER / split / "en").glob("*.txt"))[:count]:
            (folder / split / "en").mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder / split / "en")
    return folder


def config(folder: Path, **changes: Any) -> RunConfig:
    values: dict[str, Any] = {
        "name": "clauses", "recipe": "clauses", "model": "none", "device": "cpu", "method": {"kind": "full"},
        "train": {"source": str(folder), "split": "train"}, "dev": {"source": str(folder), "split": "dev"},
        "epochs": 4, "batch_size": 8, "learning_rate": 0.003,
    }  # fmt: skip
    return RunConfig.model_validate({**values, **changes})


def test_a_run_lowers_the_loss_and_its_result_serves(few_meetings: Path, tmp_path: Path) -> None:
    metrics = train(config(few_meetings), RunFolders(tmp_path / "runs", models.FOLDER), "test")
    with (tmp_path / "runs/clauses/curve.csv").open() as file:
        losses = [float(row["dev_loss"]) for row in csv.DictReader(file) if row["dev_loss"]]
    assert losses[-1] < losses[0]
    assert metrics["served"]["worth_correlation"] > 0.0
    ClauseChooser.load(tmp_path / "runs/clauses/model")


def test_examples_say_what_each_clause_is_worth_and_who_acts(few_meetings: Path) -> None:
    [meeting] = invented_meetings("dev", few_meetings)
    reader = models.line_encoder()
    states, detector = reader.states([turn.text for turn in meeting.turns]), Detector.load(reader)
    named = list(clause_examples(meeting, states, detector, nameless_share=0.0))
    assert named
    assert {each.features.shape[1] for each in named} == {CLAUSE_WIDTH}
    labels = np.concatenate([each.labels for each in named])
    assert labels[:, 0].min() >= 0.0
    assert labels[:, 0].max() <= 1.0
    assert set(labels[:, 1]) == {UNKNOWN, 0.0, 1.0}
    nameless = np.concatenate([each.labels for each in clause_examples(meeting, states, detector, nameless_share=1.0)])
    assert set(nameless[:, 1]) == {UNKNOWN}


def test_there_is_no_base_to_adapt(few_meetings: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"method\.kind=full"):
        train(config(few_meetings, method={"kind": "lora"}), RunFolders(tmp_path, tmp_path), "test")
