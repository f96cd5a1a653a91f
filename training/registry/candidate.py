"""An adapter in a folder, looked at before it is published: its files, its numbers, and what is known about it."""

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
    """What a folder holds. `ranks` has the rank of every changed layer, `metrics` what its run measured."""

    folder: Path
    metadata: Metadata
    base_model: str
    method: str
    ranks: Mapping[str, int]
    metrics: Mapping[str, Any]
    run: Mapping[str, Any]
    """The whole of the run's `metrics.json`, empty without one."""

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
    """The adapter in *folder*, which is PEFT's or a run's with `adapter/` in it. *base* is used where it names none.

    Raises InvalidInput (no adapter there, no base known), BrokenModel (unreadable, numbers that are none),
    AdapterMismatch (a kind that the workers do not serve), TooLarge.
    """
    place = _adapter_folder(folder)
    _check_files(place)
    config = read_json(place / CONFIG)
    metadata = read_metadata(place)
    base_model = metadata.base_model or base or config.get("base_model_name_or_path")
    if not base_model:
        raise InvalidInput(f"{place} does not say which base model it is for; say it with --base")
    _check_precision(place, metadata.precision)
    _, weights = read_lora(place)
    _check_finite(place, weights)
    run = _run_metrics(place)
    return Candidate(
        folder=place,
        metadata=metadata,
        base_model=str(base_model),
        method=METHODS[str(config["peft_type"])],
        ranks=_ranks(place),
        metrics={name: run[name] for name in ("served", "dev", "training", "cost") if name in run},
        run=run,
    )


def _adapter_folder(folder: Path) -> Path:
    for place in (folder, folder / "adapter"):
        if (place / CONFIG).is_file():
            return place
    if (folder / "model").is_dir():
        raise InvalidInput(
            f"{folder} holds a whole model, not an adapter. Serve it as it is: MINUTEBOOK_ASR_MODEL or "
            f"MINUTEBOOK_SUMMARY_MODEL={folder / 'model'}"
        )
    raise InvalidInput(f"{folder} holds no {CONFIG}; give the folder of a run or of a PEFT adapter")


def _check_files(place: Path) -> None:
    if not (place / WEIGHTS).is_file():
        raise BrokenModel(f"{place / WEIGHTS} is missing. Save the adapter again, as safetensors.")
    size = (place / WEIGHTS).stat().st_size
    if size > SIZE_LIMIT_BYTES:
        raise TooLarge(
            f"{place / WEIGHTS} has {size} bytes, more than the {SIZE_LIMIT_BYTES} of an adapter; use a lower rank",
            limit_bytes=SIZE_LIMIT_BYTES,
        )


def _check_precision(place: Path, precision: str | None) -> None:
    if precision is not None and precision not in PRECISIONS:
        raise InvalidInput(f"{place / METADATA} names the precision '{precision}'; there are {', '.join(PRECISIONS)}")


def _check_finite(place: Path, weights: Mapping[str, torch.Tensor]) -> None:
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise BrokenModel(f"{name} in {place} holds numbers that are not finite. Train the adapter again.")


def _ranks(place: Path) -> dict[str, int]:
    """From the shapes: AdaLoRA's singular values (rank, 1), LoRA's A (rank, in)."""
    from safetensors import safe_open

    with safe_open(place / WEIGHTS, "pt") as file:
        shapes = {name: file.get_slice(name).get_shape() for name in file.keys()}  # noqa: SIM118 - it is no mapping
    values = {name for name in shapes if name.endswith(".lora_E")}
    chosen = values or {name for name in shapes if name.endswith(".lora_A.weight")}
    if not chosen:
        raise BrokenModel(f"{place / WEIGHTS} holds no LoRA weights. Save the adapter again.")
    return {name.removeprefix("base_model.model.").partition(".lora_")[0]: shapes[name][0] for name in sorted(chosen)}


def _run_metrics(place: Path) -> dict[str, Any]:
    """Of the run that the adapter is the result of; beside it, or in the folder above as `train` leaves it."""
    found = next((path for path in (place / METRICS, place.parent / METRICS) if path.is_file()), None)
    try:
        metrics = {} if found is None else json.loads(found.read_text())
    except ValueError as error:
        raise BrokenModel(f"{found} is not JSON: {error}. Take it away, or train the adapter again.") from error
    return metrics if isinstance(metrics, dict) else {}
