"""Adapters of random numbers for tiny.en in the format of PEFT, and rows of the registry."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from safetensors.torch import save_file

from schema.adapters.tables import Adapter
from schema.core.states import AdapterState, AdapterTask

BASE = "package:tiny.en"
WIDTH, RANK = 384, 4
STEMS = [f"base_model.model.model.{side}.layers.{layer}" for side in ("encoder", "decoder") for layer in range(4)]
MILD, WILD = 0.001, 0.05
"""Scales of weights: the first leaves the words of clear speech unchanged, the second changes them."""


def write_lora(folder: Path, scale: float, width: int = WIDTH, **facts: object) -> Path:
    """Write a LoRA on the first feed-forward layers. *facts* go into `minutebook.json`."""
    chance = torch.Generator().manual_seed(int(scale * 1e6))
    weights = {}
    for stem in STEMS:
        weights[f"{stem}.fc1.lora_A.weight"] = torch.randn(RANK, width, generator=chance)
        weights[f"{stem}.fc1.lora_B.weight"] = torch.randn(4 * width, RANK, generator=chance) * scale
    return write_adapter(folder, {"peft_type": "LORA", "r": RANK}, weights, **facts)


def write_adalora(folder: Path, scale: float, **facts: object) -> Path:
    """Write an AdaLoRA with pruned ranks: layer n keeps n % 4 + 1 of them."""
    chance = torch.Generator().manual_seed(int(scale * 1e6))
    weights = {}
    for number, stem in enumerate(STEMS):
        rank = number % RANK + 1
        weights[f"{stem}.fc1.lora_A"] = torch.randn(rank, WIDTH, generator=chance)
        weights[f"{stem}.fc1.lora_E"] = torch.randn(rank, 1, generator=chance)
        weights[f"{stem}.fc1.lora_B"] = torch.randn(4 * WIDTH, rank, generator=chance) * scale
    return write_adapter(folder, {"peft_type": "ADALORA", "init_r": RANK, "total_step": 10}, weights, **facts)


def write_adapter(folder: Path, kind: dict[str, object], weights: dict[str, torch.Tensor], **facts: object) -> Path:
    folder.mkdir(parents=True)
    config = {"target_modules": ["fc1"], "lora_alpha": 8, **kind}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    save_file(weights, folder / "adapter_model.safetensors")
    if facts:
        (folder / "minutebook.json").write_text(json.dumps(facts))
    return folder


def version(
    name: str,
    number: int = 1,
    state: AdapterState = AdapterState.ACTIVE,
    task: AdapterTask = AdapterTask.ASR,
    checksum: str = "0" * 64,
) -> Adapter:
    """A row of the registry. Its files lie at *checksum* in the store."""
    return Adapter(
        task=task,
        name=name,
        version=number,
        state=state,
        base_model=BASE,
        base_checksum="1" * 64,
        method="lora",
        rank=4,
        precision="float32",
        checksum=checksum,
        size_bytes=1000,
    )
