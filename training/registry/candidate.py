"""An adapter in a folder, checked before it is published: its files, its numbers, and its metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from schema.core.errors import BrokenModel, InvalidInput, TooLarge
from workers.models.lora import METADATA, METHODS, Metadata, read_json, read_lora, read_metadata
from workers.models.precision import PRECISIONS

CONFIG, WEIGHTS, METRICS = "adapter_config.json", "adapter_model.safetensors", "metrics.json"
SIZE_LIMIT_BYTES = 4 << 30


@dataclass(frozen=True, slots=True)
class Candidate:
    """The content of a folder. `ranks` has the rank of every changed layer, `metrics` the results of its run."""

    folder: Path
    metadata: Metadata
    base_model: str
    method: str
    ranks: Mapping[str, int]
    metrics: Mapping[str, Any]
    run: Mapping[str, Any]
    """The run's complete `metrics.json`, empty without one."""

    @property
    def rank(self) -> int:
        return max(self.ranks.values())

    @property
    def precision(self) -> str:
        return self.metadata.precision or "float32"

    @property
    def data_fingerprint(self) -> str | None:
        found = self.run.get("training", {}).get("data_fingerprint")
        return None if found is None else str(found)[:64]


def read_candidate(folder: Path, base: str | None = None) -> Candidate:
    """The adapter in *folder*, which is PEFT's or a run's with `adapter/` in it. *base* is used if it names no base
    model.

    Raises InvalidInput (no adapter, no known base), BrokenModel (unreadable, or not all numbers are finite),
    AdapterMismatch (a kind that the workers do not serve), TooLarge.
    """
    adapter_folder = _adapter_folder(folder)
    _check_files(adapter_folder)
    config = read_json(adapter_folder / CONFIG)
    metadata = read_metadata(adapter_folder)
    base_model = metadata.base_model or base or config.get("base_model_name_or_path")
    if not base_model:
        raise InvalidInput(f"{adapter_folder} does not name its base model; name it with --base")
    _check_precision(adapter_folder, metadata.precision)
    _, weights = read_lora(adapter_folder)
    _check_finite(adapter_folder, weights)
    run = _run_metrics(adapter_folder)
    return Candidate(
        folder=adapter_folder,
        metadata=metadata,
        base_model=str(base_model),
        method=METHODS[str(config["peft_type"])],
        ranks=_ranks(adapter_folder),
        metrics={name: run[name] for name in ("served", "dev", "training", "cost") if name in run},
        run=run,
    )


def _adapter_folder(folder: Path) -> Path:
    for adapter_folder in (folder, folder / "adapter"):
        if (adapter_folder / CONFIG).is_file():
            return adapter_folder
    if (folder / "model").is_dir():
        raise InvalidInput(
            f"{folder} contains a whole model, not an adapter. Serve it directly: set MINUTEBOOK_ASR_MODEL or "
            f"MINUTEBOOK_SUMMARY_MODEL={folder / 'model'}"
        )
    raise InvalidInput(f"{folder} contains no {CONFIG}; give the folder of a run or of a PEFT adapter")


def _check_files(folder: Path) -> None:
    if not (folder / WEIGHTS).is_file():
        raise BrokenModel(f"{folder / WEIGHTS} is missing. Save the adapter again, as safetensors.")
    size = (folder / WEIGHTS).stat().st_size
    if size > SIZE_LIMIT_BYTES:
        raise TooLarge(
            f"{folder / WEIGHTS} has {size} bytes; the limit for an adapter is {SIZE_LIMIT_BYTES}. Use a lower rank",
            limit_bytes=SIZE_LIMIT_BYTES,
        )


def _check_precision(folder: Path, precision: str | None) -> None:
    if precision is not None and precision not in PRECISIONS:
        raise InvalidInput(f"{folder / METADATA} names the precision '{precision}'; use one of {', '.join(PRECISIONS)}")


def _check_finite(folder: Path, weights: Mapping[str, torch.Tensor]) -> None:
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise BrokenModel(f"{name} in {folder} contains numbers that are not finite. Train the adapter again.")


def _ranks(folder: Path) -> dict[str, int]:
    """Ranks by layer, from the shapes: AdaLoRA's singular values (rank, 1), LoRA's A (rank, in)."""
    from safetensors import safe_open

    with safe_open(folder / WEIGHTS, "pt") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 - not a mapping
    values = {name for name in shapes if name.endswith(".lora_E")}
    chosen = values or {name for name in shapes if name.endswith(".lora_A.weight")}
    if not chosen:
        raise BrokenModel(f"{folder / WEIGHTS} contains no LoRA weights. Save the adapter again.")
    return {name.removeprefix("base_model.model.").partition(".lora_")[0]: shapes[name][0] for name in sorted(chosen)}


def _run_metrics(folder: Path) -> dict[str, Any]:
    """The metrics of the adapter's run, next to it or in the folder above, where `train` writes them."""
    found = next((path for path in (folder / METRICS, folder.parent / METRICS) if path.is_file()), None)
    try:
        metrics = {} if found is None else json.loads(found.read_text())
    except ValueError as error:
        raise BrokenModel(f"{found} is not JSON: {error}. Remove it, or train the adapter again.") from error
    return metrics if isinstance(metrics, dict) else {}
