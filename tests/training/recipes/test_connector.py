"""Runs of the recipe: a connector learns by itself, is resumed exactly, and an end-to-end run starts with it."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from safetensors.torch import load_file

from schema.core.errors import AdapterMismatch, InvalidConfig, InvalidData
from tests.training.models import CACHE, TEXTS
from training.data import load, read_audio
from training.e2e.saved import load_speech_model
from training.evaluation.comparison import read_comparison, system_loaders
from training.evaluation.evaluate import evaluate
from training.runs.config import RunConfig
from training.runs.run import RunFolders, train

pytestmark = pytest.mark.model
RATE_HZ = 16_000


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise with texts, longer than the texts have tokens."""
    folder = tmp_path_factory.mktemp("spoken")
    chance = np.random.default_rng(7)
    for split, texts in (("train", TEXTS[:4]), ("dev", TEXTS[4:])):
        rows = []
        for place, text in enumerate(texts):
            name = f"{split}-{place}"
            soundfile.write(folder / f"{name}.wav", chance.normal(0, 0.1, 2 * RATE_HZ + place), RATE_HZ, "PCM_16")
            rows.append({"id": name, "audio": f"{name}.wav", "text": text, "summary": text[:20], "group": name})
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def config(
    model: Callable[[str], str], spoken: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., RunConfig]:
    states = tmp_path_factory.mktemp("states")

    def make(options: dict[str, Any] | None = None, **changes: Any) -> RunConfig:
        values: dict[str, Any] = {
            "name": "connector", "recipe": "connector", "model": model("decoder"), "device": "cpu",
            "train": {"source": str(spoken), "split": "train"}, "dev": {"source": str(spoken), "split": "dev"},
            "steps": 12, "batch_size": 2, "learning_rate": 0.01, "method": {"kind": "full"},
        }  # fmt: skip
        ours = {"speech_model": model("whisper"), "states": str(states), "stack": 1, "hidden": 32, "layers": 1}
        return RunConfig.model_validate({**values, **changes, "options": {**ours, **(options or {})}})

    return make


@pytest.fixture(scope="module")
def finished(config: Callable[..., RunConfig], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run."""
    runs = tmp_path_factory.mktemp("finished")
    train(config(), RunFolders(runs, CACHE), "minutebook train toy.yaml")
    return runs / "connector"


def losses(folder: Path) -> list[float]:
    with (folder / "curve.csv").open(newline="") as file:
        return [float(row["train_loss"]) for row in csv.DictReader(file)]


def test_a_connector_learns_and_writes_transcripts_by_itself(finished: Path, spoken: Path) -> None:
    assert sum(losses(finished)[-2:]) < sum(losses(finished)[:2])
    metrics = json.loads((finished / "metrics.json").read_text())
    assert set(metrics["served"]) == {"wer"}
    assert {"loss", "wer"} <= set(metrics["dev"])
    model = load_speech_model(finished, CACHE, precision="float32", device="cpu")
    audio = [read_audio(example) for example in load(spoken, "train", needs=["audio"])]
    assert model.transcripts(audio) == [model.transcripts([each])[0] for each in audio] == model.write(audio, 1)


def test_a_resumed_run_makes_the_same_steps_as_an_undisturbed_one(
    config: Callable[..., RunConfig], places: RunFolders
) -> None:
    train(config(checkpoint_every=6), places, "minutebook train toy.yaml")
    folder = places.runs / "connector"
    left_alone, result = losses(folder), (folder / "model/connector.safetensors").read_bytes()
    shutil.rmtree(folder / "checkpoints/step-00000012")
    shutil.rmtree(folder / "model")
    (folder / "metrics.json").unlink()
    train(config(checkpoint_every=6), places, "minutebook train toy.yaml")
    assert losses(folder) == left_alone
    assert (folder / "model/connector.safetensors").read_bytes() == result


def joint(ours: RunConfig, begun: Path, **changes: Any) -> RunConfig:
    """The configuration of a run for summaries that starts with the connector of *begun*."""
    options = {
        "speech_model": ours.options["speech_model"], "states": ours.options["states"], "encoder": "frozen",
        "connector": str(begun), "max_new_tokens": 4, **changes.pop("options", {}),
    }  # fmt: skip
    values = ours.model_dump() | {"name": "joint", "recipe": "e2e", "method": {"kind": "lora", "rank": 2}}
    return RunConfig.model_validate({**values, **changes, "options": options})


def test_a_run_for_summaries_starts_with_the_connector(
    config: Callable[..., RunConfig], finished: Path, places: RunFolders
) -> None:
    train(joint(config(), finished, steps=1, learning_rate=1e-9), places, "minutebook train toy.yaml")
    begun, ended = (
        load_file(path / "connector.safetensors") for path in (finished / "model", places.runs / "joint/adapter")
    )
    assert all(torch.allclose(begun[name], ended[name], atol=1e-6) for name in begun)


def test_a_connector_for_another_text_model_is_refused(
    config: Callable[..., RunConfig], finished: Path, model: Callable[[str], str], places: RunFolders
) -> None:
    with pytest.raises(AdapterMismatch, match=r"was trained on '.*decoder' .*but '.*t5' has other weights"):
        train(joint(config(), finished, model=model("t5")), places, "minutebook train toy.yaml")


def test_stored_states_give_the_same_steps_as_computed_ones(
    config: Callable[..., RunConfig], finished: Path, places: RunFolders
) -> None:
    for name, states in (("kept", config().options["states"]), ("anew", None)):
        train(
            joint(config(), finished, name=name, steps=3, options={"states": states}),
            places,
            "minutebook train toy.yaml",
        )
    assert losses(places.runs / "kept") == pytest.approx(losses(places.runs / "anew"), rel=1e-4)


def test_it_can_be_compared_with_itself_on_the_wrong_audio(
    config: Callable[..., RunConfig], finished: Path, spoken: Path, places: RunFolders, tmp_path: Path
) -> None:
    train(joint(config(), finished, steps=1), places, "minutebook train toy.yaml")
    path, run = tmp_path / "compare.yaml", places.runs / "joint"
    path.write_text(
        f"data: {{source: {spoken}, split: train}}\n"
        "systems:\n"
        f"  - {{name: right, e2e: {run}, precision: float32}}\n"
        f"  - {{name: wrong, e2e: {run}, precision: float32, wrong_audio: true}}\n"
        f"  - {{name: constant, summary: constant, constant_of: dev}}\n"
        f"  - {{name: connector, e2e: {finished}, precision: float32}}\n"
    )
    comparison = read_comparison(path)
    data = load(spoken, "train", needs=comparison.needs)
    right, wrong, constant, alone = evaluate(system_loaders(comparison, CACHE), data).results
    transcripts = [answer.transcript for answer in right.answers]
    assert [answer.transcript for answer in wrong.answers] == transcripts[2:] + transcripts[:2]
    assert len({answer.summary for answer in constant.answers}) == 1
    assert "WER" in alone.figures
    assert "ROUGE-1" not in alone.figures


FAULTS: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "an adapter of nothing": ({"method": {"kind": "lora"}}, InvalidConfig, "Set method.kind=full"),
    "fewer positions than tokens": (
        {"options": {"stack": 8}},
        InvalidData,
        r"train\.jsonl:1: train-0 has \d+ tokens, .* in 13 positions.*options\.stack",
    ),
    "audio longer than is allowed": ({"options": {"longest_s": 1.0}}, InvalidData, r"lasts 2\.0 s; options\.longest_s"),
    "no place for the states": ({"options": {"states": None}}, InvalidConfig, r"options: states"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_invalid_settings_are_refused_before_the_first_step(
    fault: str, config: Callable[..., RunConfig], places: RunFolders
) -> None:
    changes, kind, message = FAULTS[fault]
    with pytest.raises(kind, match=message):
        train(config(**changes), places, "minutebook train toy.yaml")


def test_stored_states_are_refused_for_a_trained_encoder(
    config: Callable[..., RunConfig], finished: Path, places: RunFolders
) -> None:
    with pytest.raises(InvalidConfig, match="states caches a frozen encoder, but encoder is adapted"):
        train(joint(config(), finished, options={"encoder": "adapted"}), places, "minutebook train toy.yaml")
