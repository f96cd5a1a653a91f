"""Patterns in an adapter's configuration are replaced by names of layers, within a time limit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft.utils.other import get_pattern_key
from safetensors.torch import save_file
from torch import nn

from schema.core.errors import AdapterMismatch
from workers.models import patterns
from workers.models.lora import inject, layers, read_lora
from workers.models.patterns import PATTERN_CHARACTERS, PATTERNS_LIMIT

NAMES = ("encoder.q_proj", "encoder.v_proj", "decoder.q_proj", "decoder.v_proj")
ENDLESS = ["(.+)+x", "(.|..)*!", "((e|en|enc)*)*!", ".*.*.*.*.*.*.*.*.*.*.*.*.*.*.*!"]


class Net(nn.Module):
    name_or_path = "net"

    def __init__(self) -> None:
        super().__init__()
        for part in ("encoder", "decoder"):
            setattr(self, part, nn.ModuleDict({name: nn.Linear(8, 8) for name in ("q_proj", "v_proj", "out")}))


def write(folder: Path, ranks: dict[str, int], **fields: object) -> Path:
    folder.mkdir()
    config = {"peft_type": "LORA", "r": 2, "lora_alpha": 4, "target_modules": ["q_proj", "v_proj"], **fields}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    weights = {}
    for name, rank in ranks.items():
        weights[f"base_model.model.{name}.lora_A.weight"] = torch.ones(rank, 8)
        weights[f"base_model.model.{name}.lora_B.weight"] = torch.ones(8, rank)
    save_file(weights, folder / "adapter_model.safetensors")
    return folder


def loaded(folder: Path) -> Net:
    net = Net()
    inject(net, "house", folder)
    return net


@pytest.mark.parametrize(
    "choice",
    [
        {"target_modules": r".*encoder\.(q|v)_proj"},
        {"target_modules": "all-linear"},
        {"target_modules": ["q_proj", "v_proj"], "exclude_modules": "decoder.*"},
        {"target_modules": ENDLESS[0]},
        {"target_modules": ["q_proj", "v_proj"], "exclude_modules": ENDLESS[1]},
        {"target_modules": ["q_proj", "v_proj"], "layers_to_transform": [0], "layers_pattern": ENDLESS[2]},
    ],
)
def test_the_weights_say_which_layers_a_pattern_means(tmp_path: Path, choice: dict[str, object]) -> None:
    net = loaded(write(tmp_path / "adapter", dict.fromkeys(NAMES[:2], 2), **choice))
    assert {name for name, module in net.named_modules() if hasattr(module, "lora_A")} == set(NAMES[:2])


def test_patterns_of_ranks_and_scales_mean_what_they_mean_to_peft(tmp_path: Path) -> None:
    ranks = {"encoder.q_proj": 4, "encoder.v_proj": 2, "decoder.q_proj": 4, "decoder.v_proj": 1}
    rank_pattern = {"q_proj": 4, r"^decoder\.v.*": 1, "decoder.v_proj": 7}
    alpha_pattern = {"(enc|dec)oder.q_proj": 16}
    folder = write(tmp_path / "adapter", ranks, rank_pattern=rank_pattern, alpha_pattern=alpha_pattern)
    net: Any = loaded(folder)
    assert {name: net.get_submodule(name).r["house"] for name in NAMES} == ranks
    assert [net.get_submodule(name).scaling["house"] for name in NAMES] == [4, 2, 4, 4]
    assert {name: rank_pattern.get(get_pattern_key(list(rank_pattern), name), 2) for name in NAMES} == ranks


@pytest.mark.parametrize("field", ["rank_pattern", "alpha_pattern"])
@pytest.mark.parametrize("pattern", ["(q|qq)*e", "(.|..)*[0-9]"])
def test_a_pattern_that_takes_too_long_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, field: str, pattern: str
) -> None:
    monkeypatch.setattr(patterns, "MATCH_LIMIT_S", 0.01)
    long_name = f"encoder.{'q' * 200}"
    folder = write(tmp_path / "adapter", {long_name: 2}, **{field: {pattern: 4}})
    with pytest.raises(AdapterMismatch, match=f"{field} .* takes more than 0.01 s.* Write the names of layers"):
        read_lora(folder)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"x" * (PATTERN_CHARACTERS + 1): 4}, f"more than {PATTERN_CHARACTERS} characters"),
        ({"(": 4}, "missing"),
        ({f"layer{number}": 4 for number in range(PATTERNS_LIMIT + 1)}, "more than a model has"),
    ],
)
def test_a_long_or_invalid_pattern_and_too_many_of_them_are_refused(
    tmp_path: Path, values: dict[str, int], reason: str
) -> None:
    with pytest.raises(AdapterMismatch, match=reason):
        read_lora(write(tmp_path / "adapter", {NAMES[0]: 2}, rank_pattern=values))


@pytest.mark.parametrize("option", [{"modules_to_save": ["(.+)+x"]}, {"layer_replication": [[0, 99]]}])
def test_an_adapter_that_is_more_than_lora_is_refused(tmp_path: Path, option: dict[str, object]) -> None:
    with pytest.raises(AdapterMismatch, match="plain LoRA"):
        read_lora(write(tmp_path / "adapter", {NAMES[0]: 2}, **option))


def test_a_plain_list_of_names_stays_as_it_is(tmp_path: Path) -> None:
    config, _ = read_lora(write(tmp_path / "adapter", dict.fromkeys(NAMES, 2)))
    assert config.target_modules == {"q_proj", "v_proj"}
    assert len(layers(loaded(tmp_path / "adapter"))) == len(NAMES)
