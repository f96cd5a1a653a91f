"""Runs of the recipe: every kind of text model, method and precision trains and loads, and faults are refused."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from schema.core.errors import AdapterMismatch, BrokenModel, InvalidConfig, InvalidData, UnsupportedPrecision
from tests.training.models import CACHE
from training.data import load
from training.e2e.saved import load_speech_model
from training.evaluation.comparison import read_comparison, system_loaders
from training.evaluation.evaluate import evaluate
from training.runs.config import RunConfig
from training.runs.run import RunFolders, train

pytestmark = pytest.mark.model
PRECISIONS = ("float32", "bfloat16", "int8", "int4")
METHODS = ("lora", "adalora")
MATRIX = [
    *(("decoder", method, precision) for method in METHODS for precision in PRECISIONS),
    *(("t5", METHODS[at % 2], precision) for at, precision in enumerate(PRECISIONS)),
    *(("mbart", METHODS[(at + 1) % 2], precision) for at, precision in enumerate(PRECISIONS)),
]
"""Each pair of kind, method and precision occurs."""
SECOND = np.zeros(16_000, np.int16)


@pytest.fixture
def config(model: Callable[[str], str], recordings: Path) -> Callable[..., RunConfig]:
    def make(kind: str = "t5", options: dict[str, Any] | None = None, **changes: Any) -> RunConfig:
        values: dict[str, Any] = {
            "name": "toy", "recipe": "e2e", "model": model(kind), "device": "cpu",
            "train": {"source": str(recordings), "split": "train"}, "dev": {"source": str(recordings), "split": "dev"},
            "steps": 10, "batch_size": 2, "learning_rate": 0.01, "evaluate_every": 10,
            "method": {"kind": "lora", "rank": 2},
        }  # fmt: skip
        ours = {"speech_model": model("whisper"), "hidden": 32, "max_new_tokens": 4}
        return RunConfig.model_validate({**values, **changes, "options": {**ours, **(options or {})}})

    return make


def losses(folder: Path) -> list[float]:
    with (folder / "curve.csv").open(newline="") as file:
        return [float(row["train_loss"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(("kind", "method", "precision"), MATRIX)
def test_a_run_trains_and_its_result_loads(
    kind: str, method: str, precision: str, config: Callable[..., RunConfig], places: RunFolders
) -> None:
    ranks = {"kind": method, "rank": 2, "init_rank": 4 if method == "adalora" else 0}
    metrics = train(config(kind, precision=precision, method=ranks), places, "minutebook train toy.yaml")
    folder = places.runs / "toy"
    assert sum(losses(folder)[-2:]) < sum(losses(folder)[:2])
    assert {"rouge1", "rougeLsum"} <= set(metrics["served"])
    assert any(name.startswith("speech.") for name in metrics["ranks"])
    assert any(name.startswith("text.") for name in metrics["ranks"])
    assert len(load_speech_model(folder, CACHE, precision=precision, device="cpu").write([SECOND], 2)) == 1


@pytest.mark.parametrize(("kind", "precision"), [("t5", "float32"), ("mbart", "bfloat16"), ("decoder", "float32")])
def test_a_whole_model_trains_and_its_result_loads(
    kind: str, precision: str, config: Callable[..., RunConfig], places: RunFolders
) -> None:
    whole = config(kind, precision=precision, method={"kind": "full"}, learning_rate=0.003)
    metrics = train(whole, places, "minutebook train toy.yaml")
    folder = places.runs / "toy"
    assert sum(losses(folder)[-2:]) < sum(losses(folder)[:2])
    assert metrics["training"]["trained_share"] == 1.0
    assert len(load_speech_model(folder / "model", CACHE, precision=precision, device="cpu").write([SECOND], 2)) == 1
    with pytest.raises(UnsupportedPrecision, match="was trained with method full"):
        load_speech_model(folder, CACHE, precision="int8", device="cpu")


def test_a_frozen_encoder_is_not_trained_and_the_connector_is(
    config: Callable[..., RunConfig], places: RunFolders
) -> None:
    metrics = train(config(options={"encoder": "frozen"}), places, "minutebook train toy.yaml")
    assert all(name.startswith("text.") for name in metrics["ranks"])
    model = load_speech_model(places.runs / "toy", CACHE, precision="float32", device="cpu")
    # A run of one step starts with the same connector and changes it less.
    train(config(options={"encoder": "frozen"}, name="short", steps=1), places, "minutebook train toy.yaml")
    short = load_speech_model(places.runs / "short", CACHE, precision="float32", device="cpu")
    long_run, short_run = (each.net.connector.state_dict()["outer.weight"].numpy() for each in (model, short))
    assert not np.allclose(long_run, short_run, atol=0.02)


def test_a_resumed_run_makes_the_same_steps_as_an_undisturbed_one(
    config: Callable[..., RunConfig], places: RunFolders
) -> None:
    method = {"kind": "adalora", "rank": 2, "init_rank": 4, "dropout": 0.1}
    ours = config(method=method, steps=12, checkpoint_every=6)
    train(ours, places, "minutebook train toy.yaml")
    folder = places.runs / "toy"
    left_alone, result = losses(folder), (folder / "adapter/connector.safetensors").read_bytes()
    shutil.rmtree(folder / "checkpoints/step-00000012")
    shutil.rmtree(folder / "adapter")
    (folder / "metrics.json").unlink()
    train(ours, places, "minutebook train toy.yaml")
    assert losses(folder) == left_alone
    assert (folder / "adapter/connector.safetensors").read_bytes() == result


def test_a_run_for_summaries_starts_with_the_connector_of_a_run_for_texts(
    config: Callable[..., RunConfig], places: RunFolders
) -> None:
    first = train(config(options={"writes": "text"}, name="texts"), places, "minutebook train toy.yaml")
    assert set(first["served"]) == {"wer"}
    options = {"connector": str(places.runs / "texts")}
    train(config(options=options, steps=1, learning_rate=1e-9), places, "minutebook train toy.yaml")
    texts, toy = (load_file(places.runs / name / "adapter/connector.safetensors") for name in ("texts", "toy"))
    assert all(torch.allclose(texts[name], toy[name], atol=1e-6) for name in texts)


@pytest.fixture(scope="module")
def finished(model: Callable[[str], str], recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of one step."""
    runs = tmp_path_factory.mktemp("finished")
    values = {
        "name": "toy", "recipe": "e2e", "model": model("t5"), "device": "cpu", "steps": 1,
        "train": {"source": str(recordings), "split": "train"}, "dev": {"source": str(recordings), "split": "dev"},
        "options": {"speech_model": model("whisper"), "hidden": 32, "max_new_tokens": 4},
    }  # fmt: skip
    train(RunConfig.model_validate(values), RunFolders(runs, CACHE), "minutebook train toy.yaml")
    return runs / "toy"


def test_a_base_of_other_weights_is_refused(finished: Path, model: Callable[[str], str], tmp_path: Path) -> None:
    with pytest.raises(AdapterMismatch, match=r"was trained on '.*t5' .*but '.*mbart' has other weights"):
        load_speech_model(finished, CACHE, precision="float32", device="cpu", text=model("mbart"))
    moved = shutil.copytree(model("whisper"), tmp_path / "elsewhere")
    load_speech_model(finished, CACHE, precision="float32", device="cpu", speech=str(moved))


def test_a_damaged_result_is_refused(finished: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished / "adapter", tmp_path / "adapter")
    facts = json.loads((folder / "minutebook.json").read_text())
    (folder / "minutebook.json").write_text(json.dumps(facts | {"connector": {**facts["connector"], "hidden": 31}}))
    with pytest.raises(BrokenModel, match=r"connector\.safetensors does not contain the expected weights"):
        load_speech_model(folder, CACHE, precision="float32", device="cpu")
    (folder / "minutebook.json").write_text(json.dumps({"base_model": "x"}))
    with pytest.raises(BrokenModel, match="not describe an end-to-end model"):
        load_speech_model(folder, CACHE, precision="float32", device="cpu")
    with pytest.raises(BrokenModel, match=r"contains no connector\.safetensors"):
        load_speech_model(tmp_path / "elsewhere", CACHE, precision="float32", device="cpu")


def test_a_connector_of_another_width_is_refused(
    finished: Path, config: Callable[..., RunConfig], places: RunFolders
) -> None:
    other = config(options={"connector": str(finished), "stack": 4})
    with pytest.raises(AdapterMismatch, match=r"has .*stack 8.*; the connector of this run has .*stack 4"):
        train(other, places, "minutebook train toy.yaml")


FAULTS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "a rank above the width": ({"method": {"rank": 65}}, InvalidConfig, "Rank 65 exceeds the width 64"),
    "a frozen encoder that is to learn": (
        {"method": {"targets": ("fc1",)}, "options": {"encoder": "frozen"}},
        InvalidConfig,
        "match speech.*options.encoder is frozen",
    ),
    "rounded weights that are to learn": (
        {"method": {"kind": "full"}, "precision": "int8"},
        InvalidConfig,
        "lora or adalora",
    ),
    "audio longer than is allowed": (
        {"options": {"longest_s": 1.0}},
        InvalidData,
        r"train\.jsonl:3: .* lasts 1\.2 s; options\.longest_s is 1\.",
    ),
    "audio that the text model cannot read": (
        {"options": {"stack": 1, "instruction": "the boiler lost pressure and nobody has a key " * 3}},
        InvalidData,
        r"positions of audio .* fits 128.*options\.stack",
    ),
    "no speech model": ({"options": {"speech_model": None}}, InvalidConfig, "speech_model"),
    "an unknown option": ({"options": {"stak": 1}}, InvalidConfig, "options: stak = 1: This key is unknown"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_invalid_settings_are_refused_before_the_first_step(
    fault: str, config: Callable[..., RunConfig], places: RunFolders
) -> None:
    changes, kind, message = FAULTS[fault]
    with pytest.raises(kind, match=message):
        train(config(**changes), places, "minutebook train toy.yaml")


def test_an_example_without_a_summary_is_refused_by_name(
    config: Callable[..., RunConfig], places: RunFolders, tmp_path: Path
) -> None:
    (tmp_path / "train.jsonl").write_text(json.dumps({"audio": "a.wav", "text": "Anna writes."}) + "\n")
    with pytest.raises(InvalidData, match=r"train\.jsonl:1: .*no summary"):
        train(config(train={"source": str(tmp_path), "split": "train"}), places, "minutebook train toy.yaml")


def test_it_can_be_compared_with_the_cascade(
    finished: Path, model: Callable[[str], str], recordings: Path, tmp_path: Path
) -> None:
    path = tmp_path / "compare.yaml"
    path.write_text(
        f"data: {{source: {recordings}, split: dev}}\n"
        "systems:\n"
        f"  - {{name: cascade, asr: {model('whisper')}, summary: as-said}}\n"
        f"  - {{name: end to end, e2e: {finished}, precision: float32}}\n"
    )
    comparison = read_comparison(path)
    assert comparison.needs == ("audio", "summary")
    found = evaluate(system_loaders(comparison, CACHE), load(recordings, "dev", needs=comparison.needs))
    cascade, ours = found.results
    assert {"ROUGE-1", "ROUGE-L"} <= set(ours.against_first)
    assert "WER" in cascade.figures
    assert "WER" not in ours.figures
    assert ours.memory_bytes > 0
    assert found.failures
    assert all({"cascade", "end to end"} <= bucket.poor.keys() for bucket in found.failures)


@pytest.mark.parametrize("more", ["asr_adapter: x", "plain: true"])
def test_settings_of_other_systems_are_refused(more: str, tmp_path: Path) -> None:
    path = tmp_path / "compare.yaml"
    path.write_text(f"data: {{source: x, split: y}}\nsystems: [{{name: a, e2e: runs/toy, {more}}}]\n")
    with pytest.raises(InvalidConfig, match="e2e has adapters of its own"):
        read_comparison(path)
