from __future__ import annotations

import pytest
import torch

from schema.core.errors import OutOfMemory
from tests.training.tiny_task import WIDTH, TinyTask
from training.networks.methods import attach
from training.runs.config import Method
from training.runs.memory import Estimate, estimate
from training.runs.task import Batch


def test_the_memory_of_weights_and_training_state_is_counted() -> None:
    task = TinyTask()
    attach(task.net, Method(kind="full"), (), total_steps=20)
    needed = estimate(task, "cpu")
    weights = WIDTH * WIDTH + WIDTH + WIDTH + 1
    assert needed.weights_bytes == 4 * weights
    assert needed.training_bytes == 12 * weights
    assert all(parameter.grad is None for parameter in task.net.parameters())


class MemoryHungryTask(TinyTask):
    """Each example keeps 256 MiB for the backward pass."""

    def loss(self, batch: Batch) -> torch.Tensor:
        wide = super().loss(batch).expand(2**25).clone()
        return wide.exp().sin().sum()


def test_the_memory_of_an_example_is_the_peak_of_its_forward_and_backward_pass() -> None:
    task = MemoryHungryTask()
    attach(task.net, Method(kind="full"), (), total_steps=20)
    assert 2**28 <= estimate(task, "cpu").example_bytes < 2**30


def test_an_estimate_that_runs_out_of_memory_names_the_remedy() -> None:
    task = TinyTask(room=0)
    attach(task.net, Method(kind="full"), (), total_steps=20)
    with pytest.raises(OutOfMemory, match="gradient_checkpointing"):
        estimate(task, "cpu")


def test_the_micro_batch_is_halved_until_it_fits() -> None:
    needed = Estimate(weights_bytes=10, training_bytes=100, example_bytes=50, available_bytes=400)
    assert needed.largest_micro_batch(16) == 4
    assert needed.total_bytes(4) <= 400 < needed.total_bytes(8)
    assert Estimate(10, 500, 50, 400).largest_micro_batch(16) == 0
