"""Every method trains every kind of model in every precision, and workers load the result."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from schema.core.errors import DataOverlap, InvalidConfig
from tests.training.models import CACHE, KINDS, RECIPES, TEXTS
from training.data import load
from training.data.training_fingerprints import refuse_trained_on
from training.runs.config import RunConfig
from training.runs.run import RunFolders, train
from workers.asr.engine import load_engine
from workers.asr.hypothesis import Window
from workers.summarize.writing.model import load_model

pytestmark = pytest.mark.model
PRECISIONS = ("float32", "bfloat16", "int8", "int4")


def small_config(kind: str, reference: str, data: Path, **changes: Any) -> RunConfig:
    values: dict[str, Any] = {
        "name": "toy", "recipe": RECIPES[kind], "model": reference, "device": "cpu",
        "train": {"source": str(data), "split": "train"}, "dev": {"source": str(data), "split": "dev"},
        "steps": 12, "batch_size": 4, "learning_rate": 0.02, "evaluate_every": 12,
        "method": {"kind": "lora", "rank": 2},
    }  # fmt: skip
    return RunConfig.model_validate(values | changes)


def serve(kind: str, reference: str, adapter: Path | None, precision: str) -> str:
    """The text that a worker writes with the model and adapter."""
    if kind == "whisper":
        engine = load_engine(reference, CACHE, precision, "cpu", {} if adapter is None else {"new": adapter})
        window = Window(np.zeros(16_000, np.int16), adapter=None if adapter is None else "new")
        return engine.transcribe([window])[0].text
    model = load_model(reference, CACHE, precision=precision, device="cpu")
    if adapter is not None:
        model.load_adapter("new", adapter)
        model.use_adapter("new")
    return model.generate([TEXTS[0]], 4, stop=())[0]


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("method", ["lora", "adalora"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_adapter_is_trained_and_loads_in_a_worker(
    kind: str, method: str, precision: str, model: Callable[[str], str], recordings: Path, places: RunFolders
) -> None:
    config = small_config(
        kind, model(kind), recordings, precision=precision, method={"kind": method, "rank": 2, "init_rank": 4}
    )
    metrics = train(config, places, "minutebook train toy.yaml")
    folder = places.runs / "toy"
    rows = (folder / "curve.csv").read_text().splitlines()
    losses = [float(row.split(",")[rows[0].split(",").index("train_loss")]) for row in rows[1:]]
    assert np.mean(losses[-4:]) < np.mean(losses[:4])
    assert json.loads((folder / "adapter/minutebook.json").read_text())["base_model"] == config.model
    ranks = list(metrics["ranks"].values())
    assert sum(ranks) == 2 * len(ranks)
    if method == "adalora":
        assert 0 < metrics["training"]["trained_share"] < 1
    with pytest.raises(DataOverlap):
        refuse_trained_on(folder / "adapter", load(recordings, "train"))
    refuse_trained_on(folder / "adapter", load(recordings, "dev"))
    serve(kind, config.model, folder / "adapter", precision)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_model_is_trained_and_loads_in_a_worker(
    kind: str, precision: str, model: Callable[[str], str], recordings: Path, places: RunFolders
) -> None:
    config = small_config(
        kind, model(kind), recordings, precision=precision, method={"kind": "full"}, learning_rate=0.005
    )
    metrics = train(config, places, "minutebook train toy.yaml")
    assert metrics["training"]["trained_share"] > 0.9
    serve(kind, str(places.runs / "toy/model"), None, precision)


@pytest.mark.parametrize("precision", ["int8", "int4"])
def test_training_a_whole_quantised_model_is_refused(
    precision: str, model: Callable[[str], str], recordings: Path, places: RunFolders
) -> None:
    config = small_config("t5", model("t5"), recordings, precision=precision, method={"kind": "full"})
    with pytest.raises(InvalidConfig, match="lora or adalora"):
        train(config, places, "minutebook train toy.yaml")
