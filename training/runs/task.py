"""How a recipe plugs into the loop.

A recipe is a module `training/recipes/NAME.py` with one function

    def build(config: Config, cache_dir: Path, device: str) -> Task

which reads `config.train` and `config.dev`, loads `config.model` with the serving code and gives back a `Task`. The
rest is the package's: `methods.attach` makes parts of `task.net` trainable in place (LoRA, AdaLoRA or all of it),
the loop draws batches, adds gradients up, steps, evaluates, keeps checkpoints and resumes; `run.py` writes the
adapter and the report.

    build ─► attach(task.net) ─► attached
          ─► loop: collate (a thread ahead) ─► loss ─► backward ... evaluate ─► save ─► measure
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples made ready on the CPU. `units` is what the loss is a sum over, such as target tokens; at least 1."""

    ids: tuple[str, ...]
    units: int
    tensors: Mapping[str, torch.Tensor]

    def to(self, device: str) -> Batch:
        if device == "cpu":
            return self
        moved = {name: tensor.to(device, non_blocking=True) for name, tensor in self.tensors.items()}
        return Batch(self.ids, self.units, moved)


class Task(Protocol):
    """What is learnt, from what, and how it is measured. Attributes do not change while the loop runs."""

    net: Any
    """The network that is trained, frozen at first; a transformers model or any module. PEFT changes it in place."""
    lengths: Sequence[float]
    """What each training example costs, in any unit: batches are made of like ones. Its length is the data set's."""
    fingerprint: str
    """Of the training data; a run resumes only on the same."""
    targets: Sequence[str]
    """Linear layers (ends of names) that an adapter changes unless the configuration names others."""
    micro_batch: int
    """Examples that go through the net at once unless the configuration says; halved when memory runs out."""

    def attached(self) -> None:
        """Called once, when the method has changed `net`: from now on what the method leaves alone may be set to learn,
        and what it added be given other values to begin with."""

    def collate(self, places: Sequence[int], epoch: int) -> Batch:
        """The training examples at *places*, ready for `loss`.

        Called from a thread of its own, a batch ahead, perhaps again with fewer places. What is random in it must
        depend on the epoch and each example's place alone (see `chance`), so that a run that resumes sees the same.
        Raises InvalidInput that names the example.
        """

    def loss(self, batch: Batch) -> torch.Tensor:
        """The sum over `batch.units`, a scalar in 32 bits; the loop divides by the units of the whole step."""

    def evaluate(self) -> dict[str, float]:
        """Figures on the dev set with the net as it is, in evaluation mode and without gradient. `loss` is among them:
        the run keeps the weights for which it was lowest."""

    def measure(self, folder: Path) -> dict[str, float]:
        """Figures on the dev set through the serving engine, with the adapter in *folder* (or the model, after `full`).

        Called once, after training, on the main process; the net is not used any more.
        """

    def add_files(self, folder: Path) -> None:
        """Put beside what the method saved in *folder* what loading it takes: after `full` a tokenizer and such."""

    def metadata(self) -> dict[str, object]:
        """What goes into the adapter's `minutebook.json` besides `base_model`, such as `audio_context`."""


def chance(seed: int, epoch: int, place: int) -> random.Random:
    """The source of what is random about one example in one epoch."""
    return random.Random(f"{seed}/{epoch}/{place}")  # noqa: S311
