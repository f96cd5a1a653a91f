"""A short run of the recipe `critic` learns to tell true claims from false ones."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schema.core.errors import InvalidConfig
from schema.minutes.ledger import ItemKind
from training.data.invented_meetings import FOLDER
from training.recipes.critic import precise_threshold
from training.runs.config import RunConfig
from training.runs.run import RunFolders, train
from workers.summarize.checking.claim import MinutesClaim
from workers.summarize.checking.critic import Critic
from workers.summarize.checking.critic_features import CriticReader
from workers.summarize.text.segment import SpokenSegment


@pytest.fixture(scope="module")
def few_meetings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("invented")
    for split, count in (("train", 4), ("dev", 1)):
        (folder / split / "en").mkdir(parents=True)
        for path in sorted((FOLDER / split / "en").glob("*.txt"))[:count]:
            shutil.copy(path, folder / split / "en")
    return folder


def config(folder: Path, **changes: Any) -> RunConfig:
    values: dict[str, Any] = {
        "name": "critic", "recipe": "critic", "model": "none", "device": "cpu", "method": {"kind": "full"},
        "train": {"source": str(folder), "split": "train"}, "dev": {"source": str(folder), "split": "dev"},
        "epochs": 4, "batch_size": 16, "learning_rate": 0.002,
    }  # fmt: skip
    return RunConfig.model_validate({**values, **changes})


def test_a_run_lowers_the_loss_and_its_result_serves(few_meetings: Path, tmp_path: Path) -> None:
    train(config(few_meetings), RunFolders(tmp_path / "runs", tmp_path), "test")
    with (tmp_path / "runs/critic/curve.csv").open() as file:
        losses = [float(row["dev_loss"]) for row in csv.DictReader(file) if row["dev_loss"]]
    assert min(losses) < losses[0]
    reader = CriticReader([SpokenSegment(1, "Ann", 0, 1, "I will call them.")], ["Ann"], "en")
    critic = Critic.load(tmp_path / "runs/critic/model")
    [support] = critic.support(reader, [MinutesClaim(ItemKind.ACTION, "Ann calls them.", (1,), "Ann")])
    assert 0.0 < support < 1.0


def test_a_critic_has_no_base_to_adapt(few_meetings: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match=r"method\.kind=full"):
        train(config(few_meetings, method={"kind": "lora"}), RunFolders(tmp_path, tmp_path), "test")


def test_the_threshold_is_the_lowest_with_the_wanted_precision() -> None:
    found, wanted = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True])
    assert precise_threshold(found, wanted, 1.0) == 0.8
    assert precise_threshold(found, wanted, 0.75) == 0.6
    assert precise_threshold(found, wanted, 0.75, unwanted=3.0) == 0.8
    assert precise_threshold(found, ~wanted, 0.9) > 1.0
