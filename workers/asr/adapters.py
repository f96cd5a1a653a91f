"""Adapters inside one Whisper: loaded by name while it runs, mixed in a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from workers.models.lora import check_base, check_precision, inject, read_metadata

BASE = "__base__"
"""PEFT's name for 'no adapter' in a mixed batch."""


@dataclass(frozen=True, slots=True)
class LoadedAdapter:
    """A loaded adapter. With `audio_context` it was trained to read windows no longer than their audio."""

    name: str
    folder: Path
    audio_context: bool


def load(
    net: Any, base_model: str, base_checksum: Callable[[], str], precision: str, name: str, folder: Path
) -> LoadedAdapter:
    """Put the adapter of *folder* into *net*, which is in *precision*, as *name*, replacing an older one of that name.

    Raises BrokenModel (files missing or unreadable) or AdapterMismatch (trained for another base model).
    """
    metadata = read_metadata(folder)
    check_base(name, metadata, base_model, base_checksum)
    check_precision(name, metadata, precision)
    inject(net, name, folder)
    return LoadedAdapter(name, folder, metadata.audio_context)


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
