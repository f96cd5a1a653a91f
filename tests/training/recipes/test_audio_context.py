"""The recipe on real weights and a few seconds of speech, from which it learns a little in a few steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from schema.core.errors import InvalidConfig
from tests.workers.asr.conftest import MODEL, REPOSITORY
from training.data import load
from training.data.audio import Samples
from training.networks.methods import METADATA, attach
from training.recipes import audio_context
from training.runs import run
from training.runs.config import RunConfig
from training.runs.run_folder import METRICS
from workers.asr.engine import load_engine
from workers.asr.hypothesis import Window

pytestmark = pytest.mark.model
SECOND = 16_000
SPANS = {"train": [(0, 3), (5, 9), (14, 17)], "dev": [(30, 33)]}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unlabelled spans of the sample meeting."""
    folder = tmp_path_factory.mktemp("speech")
    for split, spans in SPANS.items():
        rows = [
            {"id": f"{first}", "audio": str(REPOSITORY / "deploy/demo/meeting.flac"), "start_s": first, "end_s": end}
            for first, end in spans
        ]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def config(source: Path, **changes: Any) -> RunConfig:
    values: dict[str, Any] = {
        "name": "short", "recipe": "audio_context", "model": MODEL, "precision": "float32",
        "train": {"source": str(source), "split": "train"}, "dev": {"source": str(source), "split": "dev"},
        "method": {"rank": 4}, "steps": 4, "batch_size": 3, "learning_rate": 3e-3, "evaluate_every": 2,
        "options": {"longest_s": 4.0, "clips_per_recording": 1, "dev_clips_per_recording": 1},
    }  # fmt: skip
    return RunConfig.model_validate(values | changes)


@pytest.fixture(scope="module")
def cache(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with links to the models, without stored targets of the teacher."""
    folder = tmp_path_factory.mktemp("models")
    for path in models.glob("whisper-*"):
        (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="module")
def trained(source: Path, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished run."""
    places = run.RunFolders(tmp_path_factory.mktemp("runs"), cache)
    run.train(config(source), places, "minutebook train short.yaml")
    return places.runs / "short"


def test_a_few_steps_bring_the_student_closer_to_its_teacher(source: Path, cache: Path, trained: Path) -> None:
    task = audio_context.build(config(source), cache, "cpu")
    attach(task.net, config(source).method, task.targets, 4)
    with torch.no_grad():
        before = task.evaluate()
    after = json.loads((trained / METRICS).read_text())["dev"]
    assert after["loss"] < 0.95 * before["loss"]
    assert before["loss"] == pytest.approx(before["states_error"] + before["divergence"])


def test_the_targets_of_the_teacher_are_computed_only_once(source: Path, cache: Path, trained: Path) -> None:
    targets = {path: path.stat().st_mtime_ns for path in (cache / "audio_context").iterdir()}
    assert len(targets) == 4
    audio_context.build(config(source), cache, "cpu")
    assert {path: path.stat().st_mtime_ns for path in (cache / "audio_context").iterdir()} == targets


def test_workers_use_a_short_context_with_the_adapter(trained: Path, models: Path, meeting: Samples) -> None:
    assert json.loads((trained / "adapter" / METADATA).read_text())["audio_context"] is True
    engine = load_engine(MODEL, models, precision="float32", adapters={"short": trained / "adapter"})
    states, _ = engine.encode([Window(meeting[: 3 * SECOND], adapter="short")])
    assert states.shape[1] == 150 + 25


def test_the_metrics_contain_the_fingerprint_of_the_training_data(source: Path, trained: Path) -> None:
    reported = json.loads((trained / METRICS).read_text())["training"]["data_fingerprint"]
    assert reported == load(source, "train").fingerprint


def test_the_metrics_contain_figures_of_the_serving_engine(trained: Path) -> None:
    served = json.loads((trained / METRICS).read_text())["served"]
    assert served["encoder_ms"] > 0
    assert 0 <= served["words_that_differ"] <= 1
    assert served["runaways"] == 0


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"method": {"kind": "full"}}, "full"),
        ({"options": {"shortest_s": 9.0, "longest_s": 4.0}}, "9.0"),
        ({"options": {"shortest": 1.0}}, "shortest"),
        ({"options": {"layers": ["q_project"]}}, "q_project"),
    ],
)
def test_invalid_settings_are_refused_by_name(source: Path, cache: Path, changes: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidConfig, match=named):
        audio_context.build(config(source, **changes), cache, "cpu")
