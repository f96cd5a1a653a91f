"""Configurations of adapters from strangers: refused, or read as plain LoRA, and the base model stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from schema.core.errors import AdapterMismatch, BrokenModel
from tests.adapters import write_adapter
from workers.models.lora import inject, read_metadata

WIDTH = 8


class OneLayer(nn.Module):
    name_or_path = "net"

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(WIDTH, WIDTH)


def write(folder: Path, **options: object) -> Path:
    weights = {f"base_model.model.fc1.lora_{part}.weight": torch.ones(WIDTH, WIDTH) for part in "AB"}
    return write_adapter(folder, {"peft_type": "LORA", "r": WIDTH, **options}, weights)


@pytest.mark.parametrize(
    "options",
    [
        *({"init_lora_weights": way} for way in ("pissa", "pissa_niter_4", "PiSSA", "olora", "corda", "lora_ga")),
        {"kasa_config": {}},
    ],
)
@pytest.mark.filterwarnings("ignore:.*corda_config")
def test_an_adapter_that_would_change_the_base_model_is_refused(tmp_path: Path, options: dict[str, object]) -> None:
    net = OneLayer()
    before = net.fc1.weight.clone()
    with pytest.raises(AdapterMismatch):
        inject(net, "stranger", write(tmp_path / "adapter", **options))
    assert torch.equal(net.fc1.weight, before)


@pytest.mark.parametrize("way", [True, False, "gaussian", "eva", "orthogonal"])
@pytest.mark.filterwarnings("ignore:.*eva_config")
def test_the_beginning_of_training_does_not_matter_to_a_trained_adapter(tmp_path: Path, way: bool | str) -> None:
    net, plain = OneLayer(), OneLayer()
    plain.load_state_dict(net.state_dict())
    inject(net, "begun", write(tmp_path / "begun", init_lora_weights=way))
    inject(plain, "plain", write(tmp_path / "plain"))
    sound = torch.ones(1, WIDTH)
    assert torch.equal(net.fc1(sound), plain.fc1(sound))


@pytest.mark.parametrize(
    "options",
    [
        {"peft_type": "NONE_KNOWN"},
        {"peft_type": ["LORA"]},
        {"task_type": "NONE_KNOWN"},
        {"init_lora_weights": "loftq"},
        {"r": "8"},
        {"r": 8.5},
        {"r": -1},
        {"lora_alpha": "8"},
        {"lora_alpha": None},
        {"rank_pattern": [1]},
        {"rank_pattern": {"fc1": "8"}},
        {"alpha_pattern": "fc1"},
        {"arrow_config": {"x": 1}},
        {"trainable_token_indices": {"fc1": [1]}},
        {"alora_invocation_tokens": [1, 2]},
    ],
)
@pytest.mark.filterwarnings("ignore:aLoRA")
def test_an_option_of_the_wrong_kind_is_refused(tmp_path: Path, options: dict[str, object]) -> None:
    with pytest.raises((AdapterMismatch, BrokenModel)):
        inject(OneLayer(), "stranger", write(tmp_path / "adapter", **options))


@pytest.mark.parametrize("alpha", [1e300, -1e300, 10**40, float("nan"), float("inf"), float("-inf"), "8", None])
@pytest.mark.parametrize("place", ["lora_alpha", "alpha_pattern"])
def test_an_alpha_that_makes_every_result_infinite_is_refused_with_its_value(
    tmp_path: Path, alpha: object, place: str
) -> None:
    net = OneLayer()
    options = {"lora_alpha": alpha} if place == "lora_alpha" else {"alpha_pattern": {"fc1": alpha}}
    with pytest.raises(BrokenModel) as refused:
        inject(net, "stranger", write(tmp_path / "adapter", **options))
    assert f"has the alpha '{str(alpha)[:40]}'" in str(refused.value)
    assert "Write the alpha of its training into adapter_config.json" in str(refused.value)
    assert isinstance(net.fc1, nn.Linear)


@pytest.mark.parametrize("name", ["base_model", "base_checksum", "precision", "instruction", "language"])
def test_a_fact_that_is_no_text_is_refused_by_its_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "minutebook.json").write_text(json.dumps({name: ["x"]}))
    with pytest.raises(BrokenModel, match=rf"{name} in .* not a text"):
        read_metadata(tmp_path)
