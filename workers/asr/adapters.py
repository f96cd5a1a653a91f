"""Adapters inside one loaded Whisper.

Every LoRA layer keeps the matrices of all loaded adapters by name. So an adapter can be loaded while the model runs,
and each row of a batch is computed with its own adapter: meetings with different adapters share one step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from workers.models.lora import check_base, check_precision, inject, read_metadata

BASE = "__base__"
"""PEFT's name for a row without an adapter in a mixed batch."""


@dataclass(frozen=True, slots=True)
class LoadedAdapter:
    """A loaded adapter. With `audio_context` it was trained for an encoder context as long as the audio."""

    name: str
    folder: Path
    audio_context: bool


def load(
    net: Any, base_model: str, base_checksum: Callable[[], str], precision: str, name: str, folder: Path
) -> LoadedAdapter:
    """Load the adapter in *folder* into *net* as *name*, replacing an earlier one of that name.

    *precision* is that of *net*; a warning is logged if the adapter was trained for another. Raises BrokenModel (files
    are missing or unreadable) or AdapterMismatch (the adapter was trained for another base model).
    """
    metadata = read_metadata(folder)
    check_base(name, metadata, base_model, base_checksum)
    check_precision(name, metadata, precision)
    inject(net, name, folder)
    return LoadedAdapter(name, folder, metadata.audio_context)


def project(layer: Any, x: torch.Tensor, adapters: Sequence[str] | None) -> torch.Tensor:
    """Apply a linear *layer* to *x* (B, ..., in), each row with its adapter in *adapters* (None: no row has one)."""
    base = layer.__dict__["_modules"].get("base_layer")
    y: torch.Tensor
    if base is None:
        y = layer(x)
    elif adapters is None:
        y = base(x)
    else:
        y = layer(x, adapter_names=adapters)
    return y
