"""How much memory a run needs, before it starts, and how much it took, after.

Weights, gradients and the optimiser's two averages are counted. What the backward pass keeps is measured, on one
pass of the longest example: no formula knows what every model keeps.
"""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass
from typing import Any

import psutil
import torch

from training.task import Batch, Task

_OPTIMISER_BYTES = 12
"""Of a trained weight: its gradient and AdamW's two averages, in 32 bits."""
_RESERVE = 1.15
"""Buffers that live for one operation only."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes. `kept_bytes` is what one example leaves for the backward pass; `available_bytes` what the device has."""

    weights_bytes: int
    training_bytes: int
    kept_bytes: int
    available_bytes: int

    def total_bytes(self, micro_batch: int) -> int:
        """What is needed on top of what is loaded already, the weights."""
        return int((self.training_bytes + self.kept_bytes * micro_batch) * _RESERVE)

    def largest_micro_batch(self, wanted: int) -> int:
        """*wanted*, halved until it fits; 0 when one example does not."""
        while wanted and self.total_bytes(wanted) > self.available_bytes:
            wanted //= 2
        return wanted


def estimate(task: Task, device: str) -> Estimate:
    """Measure *task*, its method attached. Leaves no gradient behind."""
    trained = sum(p.numel() for p in task.net.parameters() if p.requires_grad)
    longest = max(range(len(task.lengths)), key=lambda place: task.lengths[place])
    return Estimate(
        weights_bytes=weights_bytes(task.net),
        training_bytes=trained * _OPTIMISER_BYTES,
        kept_bytes=_kept_bytes(task, task.collate([longest], epoch=0).to(device)),
        available_bytes=available_bytes(device),
    )


def weights_bytes(net: Any) -> int:
    """Bytes of the parameters and buffers of *net*, each once."""
    seen = {t.data_ptr(): t.numel() * t.element_size() for t in (*net.parameters(), *net.buffers())}
    return sum(seen.values())


def _kept_bytes(task: Task, batch: Batch) -> int:
    weights = {p.untyped_storage().data_ptr() for p in task.net.parameters()}
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    task.net.train()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        task.loss(batch)
    return sum(kept.values())


def available_bytes(device: str) -> int:
    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def peak_bytes(device: str) -> int:
    """The most that this process had: on a GPU of its memory, else resident."""
    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
