"""Estimates the memory that a run needs before it starts, and measures what it took.

Weights, gradients and the optimiser's two averages are counted. The memory of an example is measured, in one forward
and backward pass of the longest one: no formula knows what every model keeps and what its operations need in between.
"""

from __future__ import annotations

import resource
import sys
import threading
from dataclasses import dataclass

import psutil
import torch

from schema.core.errors import OutOfMemory
from training.metrics.cost import memory_bytes
from training.runs.task import Batch, TrainingTask

_OPTIMISER_BYTES = 12
"""Bytes per trained weight: its gradient and AdamW's two averages, in 32 bits."""
_RESERVE = 1.15
"""Allows for fragmentation and for memory that libraries keep for later use."""
_SAMPLE_S = 0.002


@dataclass(frozen=True, slots=True)
class Estimate:
    """Bytes. `example_bytes` is the most that one example takes, `available_bytes` what the device has left."""

    weights_bytes: int
    training_bytes: int
    example_bytes: int
    available_bytes: int

    def total_bytes(self, micro_batch: int) -> int:
        """What is needed in addition to the weights, which are loaded already."""
        return int((self.training_bytes + self.example_bytes * micro_batch) * _RESERVE)

    def largest_micro_batch(self, wanted: int) -> int:
        """*wanted*, halved until it fits; 0 if not even one example fits."""
        while wanted and self.total_bytes(wanted) > self.available_bytes:
            wanted //= 2
        return wanted


def estimate(task: TrainingTask, device: str) -> Estimate:
    """Measure *task* with its method attached. Leaves no gradients behind. Raises OutOfMemory if one pass does
    not fit.
    """
    trained = sum(p.numel() for p in task.net.parameters() if p.requires_grad)
    longest = max(range(len(task.lengths)), key=lambda index: task.lengths[index])
    try:
        example = _pass_bytes(task, task.collate([longest], epoch=0).to(device), device)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise one_example_too_large(device, error) from error
    return Estimate(
        weights_bytes=memory_bytes(task.net),
        training_bytes=trained * _OPTIMISER_BYTES,
        example_bytes=example,
        available_bytes=available_bytes(device),
    )


def _pass_bytes(task: TrainingTask, batch: Batch, device: str) -> int:
    task.net.train()
    with _PeakMemory(device) as highest:
        loss = task.loss(batch)
        highest.look()  # the activations for the backward pass exist now
        loss.backward()  # type: ignore[no-untyped-call]
    task.net.zero_grad(set_to_none=True)
    return highest.gained_bytes


class _PeakMemory:
    """The most memory that this process gains inside a block: a GPU's own statistics, or resident memory, sampled
    often.
    """

    def __init__(self, device: str) -> None:
        self._cuda = device if device.startswith("cuda") else None
        self._process = psutil.Process()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="memory", daemon=True)

    def __enter__(self) -> _PeakMemory:
        if self._cuda:
            torch.cuda.reset_peak_memory_stats(self._cuda)
        self._before = self._highest = self._now()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self.look()

    @property
    def gained_bytes(self) -> int:
        return self._highest - self._before

    def look(self) -> None:
        self._highest = max(self._highest, self._now())

    def _now(self) -> int:
        if self._cuda:
            return int(torch.cuda.max_memory_allocated(self._cuda))
        return int(self._process.memory_info().rss)

    def _watch(self) -> None:
        while not self._ended.wait(_SAMPLE_S):
            self.look()


def available_bytes(device: str) -> int:
    if device.startswith("cuda"):
        return int(torch.cuda.mem_get_info(device)[0])
    return int(psutil.virtual_memory().available)


def peak_bytes(device: str) -> int:
    """The peak memory of this process: of the GPU, or resident."""
    if device.startswith("cuda"):
        return int(torch.cuda.max_memory_allocated(device))
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def is_out_of_memory(error: RuntimeError) -> bool:
    """Whether *error* means that memory ran out. A CPU's allocator says so only in its message."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def one_example_too_large(device: str, error: object) -> OutOfMemory:
    """The error for a device on which not even one example fits; *error* is the original one."""
    fault = " ".join(str(error).split())[:200]
    return OutOfMemory(
        f"Not even one example fits in memory on {device} ({fault}). Set gradient_checkpointing=true, "
        "use precision int8 or int4, leave out the longest examples, or use a smaller model."
    )
