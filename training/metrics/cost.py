"""The cost of a model: bytes on disk and in memory, trained parameters, and time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from workers.asr.error_rates import Counts


@dataclass(frozen=True, slots=True)
class Latency:
    """Seconds that 50 % and 95 % of the measurements stay below."""

    p50_s: float
    p95_s: float


def latency(seconds: Sequence[float]) -> Latency:
    """The latency of at least one measurement."""
    p50, p95 = np.quantile(seconds, [0.5, 0.95])
    return Latency(float(p50), float(p95))


def folder_bytes(folder: Path) -> int:
    """Bytes of all files in *folder*."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def memory_bytes(net: Any) -> int:
    """Bytes of a torch module's parameters and buffers as they are stored: a 4-bit weight takes half a byte."""
    held = {tensor.data_ptr(): tensor for tensor in (*net.parameters(), *net.buffers())}
    return sum(tensor.numel() * tensor.element_size() for tensor in held.values())


def trainable(net: Any) -> Counts:
    """Trained parameters out of all. Packed 4-bit weights count as the weights that they represent."""
    counts = [(_weights(parameter), parameter.requires_grad) for parameter in net.parameters()]
    return Counts(sum(count for count, trained in counts if trained), sum(count for count, _ in counts))


def _weights(parameter: Any) -> int:
    state = getattr(parameter, "quant_state", None)
    return int(parameter.numel() if state is None else state.shape.numel())
