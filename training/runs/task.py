"""How a recipe plugs into the loop.

A recipe is a module `training/recipes/NAME.py` with a function

    def build(config: RunConfig, cache_dir: Path, device: str) -> TrainingTask

which reads `config.train` and `config.dev`, loads `config.model` with the serving code and returns a `TrainingTask`.
The package does the rest. `methods.attach` makes parts of `task.net` trainable in place (LoRA, AdaLoRA or all of it).
The loop draws batches, accumulates gradients, updates the weights, evaluates, saves checkpoints and resumes. `run.py`
writes the adapter and the report.

    build ─► attach(task.net) ─► after_attach
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
    """Examples prepared on the CPU. `units` is the number of units, such as target tokens, that the loss sums over; at
    least 1.
    """

    ids: tuple[str, ...]
    units: int
    tensors: Mapping[str, torch.Tensor]

    def to(self, device: str) -> Batch:
        if device == "cpu":
            return self
        moved = {name: tensor.to(device, non_blocking=True) for name, tensor in self.tensors.items()}
        return Batch(self.ids, self.units, moved)


class TrainingTask(Protocol):
    """What is trained, on which data, and how it is measured. Attributes do not change while the loop runs."""

    net: Any
    """The network, frozen at first: a transformers model or any module. PEFT changes it in place."""
    lengths: Sequence[float]
    """The cost of each training example, in any unit. Batches group similar ones. Its length is that of the data
    set.
    """
    fingerprint: str
    """Fingerprint of the training data. A run resumes only with the same data."""
    targets: Sequence[str]
    """Linear layers (ends of names) that an adapter changes, unless the configuration names others."""
    micro_batch: int
    """Examples that the net processes at once, unless the configuration says otherwise. Halved if memory runs out."""

    def after_attach(self) -> None:
        """Called once, after the method has changed `net`. The task may now make further weights trainable, or give the
        method's new weights other initial values.
        """

    def collate(self, indices: Sequence[int], epoch: int) -> Batch:
        """The training examples at *indices*, ready for `loss`.

        Called from a separate thread, ahead of time, and possibly again with fewer examples. Anything random must
        depend only on the epoch and the index of the example (see `example_random`), so that a resumed run sees the
        same data. Raises InvalidInput that names the example.
        """

    def loss(self, batch: Batch) -> torch.Tensor:
        """The sum over `batch.units`, a scalar in 32 bits. The loop divides it by the units of the whole step."""

    def evaluate(self) -> dict[str, float]:
        """Figures on the dev set with the net as it is, in evaluation mode and without gradient. They include `loss`;
        the run keeps the weights with the lowest one.
        """

    def measure(self, folder: Path) -> dict[str, float]:
        """Figures on the dev set from the serving engine, with the adapter in *folder* (or the model, for method
        `full`).

        Called once, after training, on the main process. The net is not used afterwards.
        """

    def add_files(self, folder: Path) -> None:
        """Add to *folder*, where the method saved its result, what loading it needs: after `full`, for example, a
        tokenizer.
        """

    def metadata(self) -> dict[str, object]:
        """Content of the adapter's `minutebook.json` in addition to `base_model`, such as `audio_context`."""


def example_random(seed: int, epoch: int, index: int) -> random.Random:
    """The random generator for one example in one epoch."""
    return random.Random(f"{seed}/{epoch}/{index}")  # noqa: S311


IGNORED = -100
"""The label of positions that do not count in the loss."""


def pad_rows(rows: Sequence[list[int]], fill: int, left: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """*rows* (B, longest) padded with *fill*, and a mask that is 1 for the rows' own values."""
    longest = max(len(row) for row in rows)
    tokens = torch.full((len(rows), longest), fill)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    for index, row in enumerate(rows):
        where = slice(longest - len(row), longest) if left else slice(0, len(row))
        tokens[index, where] = torch.tensor(row)
        mask[index, where] = 1
    return tokens, mask
