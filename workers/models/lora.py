"""LoRA inside a network: PEFT folders read as plain LoRA, AdaLoRA's included, put in by name and taken out again."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import pad

from schema.core.errors import AdapterMismatch, BrokenModel

log = logging.getLogger(__name__)

METADATA = "minutebook.json"
"""Beside `adapter_config.json`: what PEFT's own file does not say. See `Metadata`."""
ADAPTERS_LIMIT = 8
"""Adapters that stay loaded beside each other, but for a batch that needs more at once."""
SHOWN_CHARACTERS = 300
METHODS = {"LORA": "lora", "ADALORA": "adalora"}


@dataclass(frozen=True, slots=True)
class Metadata:
    """What `minutebook.json` says; each part may be left out. `precision` is that of the base in training.

    An adapter that writes notes says what stands before (`instruction`) and behind (`suffix`) the text it sums up, and
    the one language that it learnt, if it was one.
    """

    base_model: str | None = None
    base_checksum: str | None = None
    audio_context: bool = False
    precision: str | None = None
    instruction: str | None = None
    suffix: str = ""
    language: str | None = None


def read_metadata(folder: Path) -> Metadata:
    """Raises BrokenModel."""
    path = folder / METADATA
    value = read_json(path) if path.exists() else {}
    return Metadata(
        base_model=value.get("base_model"),
        base_checksum=value.get("base_checksum"),
        audio_context=bool(value.get("audio_context", False)),
        precision=value.get("precision"),
        instruction=value.get("instruction"),
        suffix=str(value.get("suffix", "")),
        language=value.get("language"),
    )


def read_json(path: Path) -> dict[str, Any]:
    """Raises BrokenModel."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BrokenModel(f"{path} is missing or not JSON: {error}. Publish the adapter again.") from error
    if not isinstance(value, dict):
        raise BrokenModel(f"{path} holds no JSON object. Publish the adapter again.")
    return value


def check_base(name: str, metadata: Metadata, reference: str, checksum: Callable[[], str]) -> None:
    """Raises AdapterMismatch when the adapter was trained for another base than *reference*.

    Where its weights are known they decide, since the same model may be had under several names.
    """
    if metadata.base_checksum is not None:
        fits = metadata.base_checksum == checksum()
    else:
        fits = metadata.base_model in (None, reference)
    if not fits:
        raise AdapterMismatch(
            f"Adapter {name!r} was trained for {metadata.base_model or 'other weights'!r}, but the model is "
            f"{reference!r}{' with other weights' if metadata.base_model == reference else ''}. Load that model, or "
            "train the adapter for this one."
        )


def check_precision(name: str, metadata: Metadata, precision: str) -> None:
    """Warn where the adapter learnt beside weights of another width than the base has that it is loaded into.

    It learnt to make up for that base's rounding too, so it may be less accurate here; how much, the gate measures. The
    16 and 32 bits of floating point count as one: what they round is nothing beside what an adapter changes.
    """
    if metadata.precision is None or _rounding(metadata.precision) == _rounding(precision):
        return
    log.warning(
        "Adapter %s was trained beside a base in %s and is loaded beside one in %s: it may be less accurate. Measure "
        "it here with 'minutebook adapters promote', or train it with precision=%s.",
        name, metadata.precision, precision, _rounding(precision) or "bfloat16",
    )  # fmt: skip


def _rounding(precision: str) -> str:
    """`int8` or `int4`, by whichever code; empty for floating point."""
    return next((width for width in ("int8", "int4") if precision.startswith(width)), "")


def read_lora(folder: Path) -> tuple[Any, dict[str, torch.Tensor]]:
    """Configuration and weights of *folder*, AdaLoRA's as the LoRA that it amounts to.

    Raises BrokenModel (files missing or unreadable), or AdapterMismatch for another kind of adapter.
    """
    from peft import PeftConfig
    from peft.utils.save_and_load import load_peft_weights
    from safetensors import SafetensorError

    read_json(folder / "adapter_config.json")
    try:
        config = PeftConfig.from_pretrained(str(folder))
        weights = load_peft_weights(str(folder), device="cpu")
    except (OSError, ValueError, TypeError, SafetensorError) as error:
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


def inject(net: Any, name: str, folder: Path) -> None:
    """Put the adapter of *folder* into *net* under *name*, replacing an older one of that name.

    Raises what `read_lora` raises, and AdapterMismatch when it does not fit; then nothing of it is left in *net*.
    """
    from peft import inject_adapter_in_model, set_peft_model_state_dict

    config, weights = read_lora(folder)
    remove(net, name)
    try:
        inject_adapter_in_model(config, net, adapter_name=name)
        outcome: Any = set_peft_model_state_dict(net, weights, adapter_name=name)
        if outcome.unexpected_keys:
            raise ValueError(f"the model has no layer for {outcome.unexpected_keys[0]}")
    except (RuntimeError, ValueError, KeyError) as error:
        remove(net, name)
        raise AdapterMismatch(
            f"Adapter {name!r} in {folder} does not fit the model {net.name_or_path}: {_short(error)}. "
            "Load the model that it was trained for."
        ) from error
    net.eval().requires_grad_(False)


def _short(error: Exception) -> str:
    """PyTorch lists every layer, in lines."""
    return " ".join(str(error).split())[:SHOWN_CHARACTERS].rstrip(".")


def remove(net: Any, name: str) -> None:
    """Take the adapter *name* out of *net*, if it is there."""
    for layer in layers(net):
        if name in layer.lora_A:
            layer.set_adapter([], inference_mode=True)  # or PEFT warns that it chose another one to be active
            layer.delete_adapter(name)
    # PEFT notes adapters on the model too, and warns about those it finds there; the layers are what counts.
    if hasattr(net, "peft_config"):
        del net.peft_config


def layers(net: Any) -> list[Any]:
    """The layers of *net* that adapters were put into."""
    return [module for module in net.modules() if hasattr(module, "lora_A")]


def used(adapters: MutableMapping[str, Any], names: Collection[str]) -> None:
    """Note that *names* are in use now: *adapters* has those that nobody used for the longest time first."""
    for name in names:
        adapters[name] = adapters.pop(name)


def make_room(net: Any, adapters: MutableMapping[str, Any], keep: Collection[str]) -> None:
    """Take out of *net* what nobody used for the longest time, so that one more may be loaded; none of *keep*."""
    idle = [name for name in adapters if name not in keep]
    for name in idle[: max(0, len(adapters) - ADAPTERS_LIMIT + 1)]:
        remove(net, name)
        del adapters[name]
