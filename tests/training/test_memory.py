from __future__ import annotations

from tests.training.toy import EXAMPLES, WIDTH, ToyTask
from training.config import Method
from training.memory import Estimate, estimate, weights_bytes
from training.methods import attach


def test_what_a_run_needs_is_measured_on_its_longest_example() -> None:
    task = ToyTask()
    attach(task.net, Method(kind="full"), (), total_steps=20)
    needed = estimate(task, "cpu")
    weights = WIDTH * WIDTH + WIDTH + WIDTH + 1
    assert needed.weights_bytes == weights_bytes(task.net) == 4 * weights
    assert needed.training_bytes == 12 * weights
    # The input and what tanh gave, at least; never the weights.
    assert 2 * 4 * WIDTH <= needed.kept_bytes < 4 * EXAMPLES * WIDTH
    assert all(parameter.grad is None for parameter in task.net.parameters())


def test_the_micro_batch_is_halved_until_it_fits() -> None:
    needed = Estimate(weights_bytes=10, training_bytes=100, kept_bytes=50, available_bytes=400)
    assert needed.largest_micro_batch(16) == 4
    assert needed.total_bytes(4) <= 400 < needed.total_bytes(8)
    assert Estimate(10, 500, 50, 400).largest_micro_batch(16) == 0
