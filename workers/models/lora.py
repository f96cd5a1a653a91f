"""LoRA in a network: reads PEFT folders, and loads adapters into a network and removes them, by name.

PEFT keeps all adapters of a layer side by side under their names, and applies a different one to each row of a batch.
It can do so for plain LoRA only, so AdaLoRA is converted to that when it is read.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.functional import pad

from schema.adapters.wire import ALPHA_LIMIT
from schema.core.errors import AdapterMismatch, BrokenModel
from workers.models.patterns import replace_patterns

log = logging.getLogger(__name__)

METADATA = "minutebook.json"
"""The file next to `adapter_config.json` with what PEFT's own file cannot say; see `Metadata`."""
"""The file with the words that a writer may use besides those of its prompt, one a line."""
ADAPTERS_LIMIT = 8
"""How many adapters stay loaded, unless one batch needs more."""
SHOWN_CHARACTERS = 300
STEM = "base_model.model."
"""PEFT writes this before the name of each layer."""
PLAIN = (
    "r", "lora_alpha", "rank_pattern", "alpha_pattern", "target_modules", "use_rslora", "lora_bias", "fan_in_fan_out"
)  # fmt: skip
"""The options of PEFT's configuration that say what plain LoRA computes. Nothing else of it reaches the model."""
NOT_PLAIN = (
    "use_dora", "use_qalora", "use_bdlora", "modules_to_save", "target_parameters", "trainable_token_indices",
    "alora_invocation_tokens", "layer_replication", "megatron_config", "arrow_config", "kasa_config",
    "monteclora_config",
)  # fmt: skip
KEEPS_BASE = frozenset({"gaussian", "eva", "orthogonal", "mica"})
"""Values of `init_lora_weights` that begin beside the base model. Others, such as `pissa`, change the base model's
weights, and with them the text of every other meeting."""
WRONG_VALUES = (ValueError, TypeError, KeyError, AttributeError, ImportError)
"""What PEFT raises for a configuration that names unknown things or has values of the wrong kind."""
METHODS = {"LORA": "lora", "ADALORA": "adalora"}


@dataclass(frozen=True, slots=True)
class Metadata:
    """The contents of `minutebook.json`. All fields are optional. `precision` is that of the base model in training.

    For an adapter that writes notes, `instruction` and `suffix` stand before and after the text in its prompt, and
    `language` is its language if it was trained on only one.
    """

    base_model: str | None = None
    base_checksum: str | None = None
    audio_context: bool = False
    precision: str | None = None
    instruction: str | None = None
    suffix: str = ""
    language: str | None = None


def read_metadata(folder: Path) -> Metadata:
    """Read the metadata of the adapter in *folder*; empty if it has none. Raises BrokenModel."""
    path = folder / METADATA
    value = read_json(path) if path.exists() else {}
    for name in ("base_model", "base_checksum", "precision", "instruction", "language"):
        if not isinstance(value.get(name), str | None):
            raise BrokenModel(
                f"{name} in {path} is {str(value[name])[:80]!r}, not a text. Correct it, and publish again."
            )
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
    """Read a JSON object of an adapter. Raises BrokenModel."""
    try:
        value = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise BrokenModel(f"{path} is missing or not JSON: {error}. Publish the adapter again.") from error
    if not isinstance(value, dict):
        raise BrokenModel(f"{path} is not a JSON object. Publish the adapter again.")
    return value


def check_base(name: str, metadata: Metadata, reference: str, checksum: Callable[[], str]) -> None:
    """Raise AdapterMismatch if the adapter *name* was trained for another base model than *reference*.

    If the metadata has a checksum of the base weights, that decides, because a model may have several references.
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
    """Log a warning if the adapter *name* was trained on weights of another width than those that it is loaded into.

    An adapter learns to correct the rounding of its base model too, so it may be less accurate with another. The gate
    measures by how much. 16 and 32 bits of floating point count as the same width, because their rounding is negligible
    next to what an adapter changes.
    """
    if metadata.precision is None or _rounding(metadata.precision) == _rounding(precision):
        return
    log.warning(
        "Adapter %s was trained on a base model in %s and is loaded into one in %s: it may be less accurate. Measure "
        "it here with 'minutebook adapters promote', or train it with precision=%s.",
        name, metadata.precision, precision, _rounding(precision) or "bfloat16",
    )  # fmt: skip


def _rounding(precision: str) -> str:
    """`int8` or `int4`, in any implementation; empty for floating point."""
    return next((width for width in ("int8", "int4") if precision.startswith(width)), "")


def read_lora(folder: Path) -> tuple[Any, dict[str, torch.Tensor]]:
    """Read the configuration and weights of the adapter in *folder*. AdaLoRA is converted to the equivalent LoRA.

    Raises BrokenModel (files are missing or unreadable) or AdapterMismatch (another kind of adapter).
    """
    from peft import PeftConfig
    from peft.utils.save_and_load import load_peft_weights
    from safetensors import SafetensorError

    read_json(folder / "adapter_config.json")
    try:
        config = PeftConfig.from_pretrained(str(folder))
        _check_scales(config, folder)
        weights = load_peft_weights(str(folder), device="cpu")
        if config.peft_type == "ADALORA":
            config, weights = _folded(config, weights)
        _check_plain(config, folder)
        replace_patterns(config, _changed_layers(weights), folder)
        return _plain(config), weights
    except (OSError, *WRONG_VALUES, SafetensorError) as error:
        raise BrokenModel(f"The adapter in {folder} cannot be read: {_short(error)}. Publish it again.") from error


def _check_scales(config: Any, folder: Path) -> None:
    """Raises BrokenModel for an alpha that is not a number or makes every result infinite. JSON may hold both."""
    values = {"lora_alpha": getattr(config, "lora_alpha", 1), **(getattr(config, "alpha_pattern", None) or {})}
    for name, alpha in values.items():
        if not isinstance(alpha, int | float) or not abs(alpha) <= ALPHA_LIMIT:
            raise BrokenModel(
                f"The adapter in {folder} has the alpha {str(alpha)[:40]!r} ({name[:80]}), not a number up to "
                f"{ALPHA_LIMIT}. Write the alpha of its training into adapter_config.json, and publish it again."
            )


def _check_plain(config: Any, folder: Path) -> None:
    """Raises AdapterMismatch unless *config* is that of plain LoRA on an unchanged base model."""
    if config.peft_type != "LORA" or any(getattr(config, option) for option in NOT_PLAIN) or config.bias != "none":
        raise AdapterMismatch(
            f"The adapter in {folder} is of type {config.peft_type}, or uses biases or one of {', '.join(NOT_PLAIN)}. "
            "A batch mixes plain LoRA and AdaLoRA only. Train one of these."
        )
    beginning = config.init_lora_weights
    if isinstance(beginning, str) and beginning not in KEEPS_BASE:
        raise AdapterMismatch(
            f"The adapter in {folder} has init_lora_weights={beginning!r}, which changes the weights of the base model "
            "that other meetings use. Convert it with PEFT's path_initial_model_for_weight_conversion."
        )


def _plain(config: Any) -> Any:
    """A configuration with the options `PLAIN` of *config* alone."""
    from peft import LoraConfig

    return LoraConfig(**{option: getattr(config, option) for option in PLAIN}, inference_mode=True)


def _changed_layers(weights: dict[str, torch.Tensor]) -> list[str]:
    ends = (".lora_A.weight", ".lora_embedding_A")
    stems = {key.removesuffix(end) for key in weights for end in ends if key.endswith(end)}
    return sorted(stem.removeprefix(STEM) for stem in stems)


def _folded(config: Any, weights: dict[str, torch.Tensor]) -> tuple[Any, dict[str, torch.Tensor]]:
    """Convert AdaLoRA (Zhang et al. 2023) to LoRA: its scaled B diag(E) A becomes B A.

    AdaLoRA gives each layer a rank of its own. PEFT wants one rank for all, so smaller ones are padded with zeros.
    """
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
    """Load the adapter in *folder* into *net* under *name*, replacing an earlier one of that name.

    Raises the errors of `read_lora`, and AdapterMismatch if it does not fit. Then nothing of it is left in *net*.
    """
    from peft import inject_adapter_in_model, set_peft_model_state_dict

    config, weights = read_lora(folder)
    remove(net, name)
    try:
        inject_adapter_in_model(config, net, adapter_name=name)
        outcome: Any = set_peft_model_state_dict(net, weights, adapter_name=name)
        if outcome.unexpected_keys:
            raise ValueError(f"the model has no layer for {outcome.unexpected_keys[0]}")
    except (RuntimeError, *WRONG_VALUES) as error:
        remove(net, name)
        raise AdapterMismatch(
            f"Adapter {name!r} in {folder} does not fit the model {net.name_or_path}: {_short(error)}. "
            "Load the model that it was trained for."
        ) from error
    net.eval().requires_grad_(False)


def _short(error: Exception) -> str:
    """The message of *error* in one line of limited length. PyTorch lists every layer."""
    return " ".join(str(error).split())[:SHOWN_CHARACTERS].rstrip(".")


def remove(net: Any, name: str) -> None:
    """Remove the adapter *name* from *net*, if it is loaded."""
    for layer in layers(net):
        if name in layer.lora_A:
            layer.set_adapter([], inference_mode=True)  # otherwise PEFT warns that it activates another one
            layer.delete_adapter(name)
    # PEFT also lists adapters on the model and warns about those that it finds there. Only the layers matter.
    if hasattr(net, "peft_config"):
        del net.peft_config


def layers(net: Any) -> list[Any]:
    """The layers of *net* into which adapters were loaded."""
    return [module for module in net.modules() if hasattr(module, "lora_A")]


def used(adapters: MutableMapping[str, Any], names: Collection[str]) -> None:
    """Mark *names* as used now. *adapters* is ordered by last use, the least recent first."""
    for name in names:
        adapters[name] = adapters.pop(name)


def make_room(net: Any, adapters: MutableMapping[str, Any], keep: Collection[str]) -> None:
    """Remove the least recently used adapters from *net*, but none in *keep*, so that one more can be loaded."""
    idle = [name for name in adapters if name not in keep]
    for name in idle[: max(0, len(adapters) - ADAPTERS_LIMIT + 1)]:
        remove(net, name)
        del adapters[name]
