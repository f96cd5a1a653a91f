"""A training task with a few weights that has all parts of a real one: a net, batches, a dev set, dropout."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from training.runs.task import Batch, example_random

WIDTH, EXAMPLES = 8, 40


class TinyNet(nn.Module):
    """Two layers that PEFT can adapt."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(WIDTH, WIDTH)
        self.drop = nn.Dropout(0.2)
        self.second = nn.Linear(WIDTH, 1)
        self.config: dict[str, Any] = {}

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.second(self.drop(torch.tanh(self.first(x))))
        return y[:, 0]


class TinyTask:
    """Learns the sum of inputs that are jittered anew in every epoch.

    Rows in *poisoned* give a loss of NaN. More than *room* rows at once raise OutOfMemoryError.
    """

    targets: Sequence[str] = ("first",)
    micro_batch = 4
    fingerprint = "tiny"

    def __init__(self, poisoned: Sequence[int] = (), room: int = 1000) -> None:
        torch.manual_seed(5)
        self.net = TinyNet().requires_grad_(False)
        self.inputs = torch.randn(EXAMPLES, WIDTH)
        self.wanted = self.inputs.sum(1)
        self.lengths: Sequence[float] = [float(1 + place % 7) for place in range(EXAMPLES)]
        self.poisoned, self.room = set(poisoned), room

    def after_attach(self) -> None:
        """Does nothing: the method decides which weights learn."""

    def collate(self, places: Sequence[int], epoch: int) -> Batch:
        jitter = torch.tensor([example_random(0, epoch, place).gauss(0, 0.01) for place in places])
        wanted = self.wanted[list(places)].clone()
        wanted[[place in self.poisoned for place in places]] = torch.nan
        tensors = {"x": self.inputs[list(places)] + jitter[:, None], "y": wanted}
        return Batch(tuple(f"clip-{place}" for place in places), len(places), tensors)

    def loss(self, batch: Batch) -> torch.Tensor:
        if len(batch.ids) > self.room:
            raise torch.OutOfMemoryError("the memory of the task is full")
        loss: torch.Tensor = (self.net(batch.tensors["x"]) - batch.tensors["y"]).square().sum()
        return loss

    def evaluate(self) -> dict[str, float]:
        with torch.no_grad():
            return {"loss": float((self.net(self.inputs) - self.wanted).square().mean())}

    def measure(self, folder: Path) -> dict[str, float]:
        return {"files": float(len(list(folder.iterdir())))}

    def metadata(self) -> dict[str, object]:
        return {}

    def add_files(self, folder: Path) -> None:
        """Adds nothing."""
