"""PEFT adapters inside one Whisper: loaded by name while it runs, mixed in a batch."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import pad

from schema.errors import AdapterMismatch, BrokenModel

METADATA = "minutebook.json"
"""Beside `adapter_config.json`: `{"base_model": reference, "audio_context": true}`, both optional."""
BASE = "__base__"
"""PEFT's name for 'no adapter' in a mixed batch."""
ADAPTERS_LIMIT = 8
"""Adapters that stay loaded beside each other, but for a batch that needs more at once."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """A loaded adapter. With `audio_context` it was trained to read windows no longer than their audio."""

    name: str
    folder: Path
    audio_context: bool


def inject(net: Any, base_model: str, name: str, folder: Path) -> Adapter:
    """Put the adapter of *folder* into *net* under *name*, replacing an older one of that name.

    Raises BrokenModel (files missing or unreadable) or AdapterMismatch (trained for another base model).
    """
    metadata = _read_json(folder / METADATA) if (folder / METADATA).exists() else {}
    expected = metadata.get("base_model", base_model)
    if expected != base_model:
        raise AdapterMismatch(
            f"Adapter {name!r} was trained for {expected!r}, but the model is {base_model!r}. Load that model, "
            "or train the adapter for this one."
        )
    _load(net, name, folder)
    return Adapter(name, folder, bool(metadata.get("audio_context", False)))


def _load(net: Any, name: str, folder: Path) -> None:
    from peft import inject_adapter_in_model, set_peft_model_state_dict

    config, weights = _read(folder)
    remove(net, name)
    try:
        inject_adapter_in_model(config, net, adapter_name=name)
        outcome: Any = set_peft_model_state_dict(net, weights, adapter_name=name)
        if outcome.unexpected_keys:
            raise ValueError(f"the model has no layer for {outcome.unexpected_keys[0]}")
    except (RuntimeError, ValueError, KeyError) as error:
        remove(net, name)
        raise AdapterMismatch(
            f"Adapter {name!r} in {folder} does not fit the model {net.name_or_path}: {error}. "
            "Load the model that it was trained for."
        ) from error
    net.eval().requires_grad_(False)


def remove(net: Any, name: str) -> None:
    """Take the adapter *name* out of *net*, if it is there."""
    for module in net.modules():
        if name in getattr(module, "lora_A", {}):
            module.delete_adapter(name)
    # PEFT notes adapters on the model too, and warns about those it finds there; the layers are what counts.
    if hasattr(net, "peft_config"):
        del net.peft_config


def used(adapters: dict[str, Adapter], names: Collection[str]) -> None:
    """Note that *names* are in use now: *adapters* has those that nobody used for the longest time first."""
    for name in names:
        adapters[name] = adapters.pop(name)


def make_room(net: Any, adapters: dict[str, Adapter], keep: Collection[str]) -> None:
    """Take out of *net* what nobody used for the longest time, so that one more may be loaded; none of *keep*."""
    idle = [name for name in adapters if name not in keep]
    for name in idle[: max(0, len(adapters) - ADAPTERS_LIMIT + 1)]:
        remove(net, name)
        del adapters[name]


def _read(folder: Path) -> tuple[Any, dict[str, torch.Tensor]]:
    """Configuration and weights of *folder*, AdaLoRA's as the LoRA that it amounts to. Raises BrokenModel."""
    from peft import PeftConfig
    from peft.utils.save_and_load import load_peft_weights

    _read_json(folder / "adapter_config.json")
    try:
        config = PeftConfig.from_pretrained(str(folder))
        weights = load_peft_weights(str(folder), device="cpu")
    except (OSError, ValueError, TypeError) as error:
        raise BrokenModel(f"The adapter in {folder} cannot be read: {error}. Publish it again.") from error
    if config.peft_type == "ADALORA":
        return _folded(config, weights)
    if config.peft_type != "LORA" or config.use_dora or config.bias != "none":
        raise AdapterMismatch(
            f"The adapter in {folder} is {config.peft_type} (DoRA or biases included); "
            "the engine mixes plain LoRA and AdaLoRA in a batch. Train one of these."
        )
    config.inference_mode = True
    return config, weights


def _folded(config: Any, weights: dict[str, torch.Tensor]) -> tuple[Any, dict[str, torch.Tensor]]:
    """AdaLoRA's B diag(E) A, scaled, as B A of one rank: PEFT mixes only LoRA layers in a batch."""
    from peft import LoraConfig

    scale = (config.lora_alpha if config.lora_alpha > 0 else config.init_r) / (config.init_r + 1e-5)
    stems = [key.removesuffix(".lora_E") for key in weights if key.endswith(".lora_E")]
    rank = max(1, *(len(weights[f"{stem}.lora_E"]) for stem in stems))
    folded: dict[str, torch.Tensor] = {}
    for stem in stems:
        down, values, up = (weights[f"{stem}.lora_{part}"] for part in "AEB")
        missing = rank - len(values)
        folded[f"{stem}.lora_A.weight"] = pad(down * values * scale, (0, 0, 0, missing))
        folded[f"{stem}.lora_B.weight"] = pad(up, (0, missing))
    lora = LoraConfig(r=rank, lora_alpha=rank, target_modules=config.target_modules, inference_mode=True)
    return lora, folded


def _read_json(path: Path) -> dict[str, Any]:
    try:
        value: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BrokenModel(f"{path} is missing or not JSON: {error}. Publish the adapter again.") from error
    return value


def project(layer: Any, x: torch.Tensor, adapters: Sequence[str] | None) -> torch.Tensor:
    """Apply a linear *layer*, each row of *x* with its adapter of *adapters* (None: no row has one)."""
    base = layer.__dict__["_modules"].get("base_layer")
    y: torch.Tensor
    if base is None:
        y = layer(x)
    elif adapters is None:
        y = base(x)
    else:
        y = layer(x, adapter_names=adapters)
    return y
