"""Teaches the clause network how much of an item each clause says, and whether its speaker acts.

The items are those that the included detector finds in the invented meetings. Embeddings and states are computed once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from schema.core.errors import InvalidConfig
from training.data.clause_examples import UNKNOWN, ClauseExample, clause_examples
from training.data.invented_meetings import FOLDER, invented_meetings
from training.data.line_states import StoredStates
from training.runs.config import RunConfig, Section, validate
from training.runs.task import Batch
from workers.summarize.detection.clause_network import ClauseNet, ClauseShape, load_clause_network
from workers.summarize.detection.detector import Detector
from workers.summarize.detection.line_encoder import LineReader

_WORTH_WEIGHT, _OWNED_WEIGHT = 3.0, 0.1


class ClausesOptions(Section):
    """Options of a run."""

    shape: dict[str, float] = Field(default_factory=dict)
    """Changes to `ClauseShape`."""
    nameless_share: float = 1 / 3


def build(config: RunConfig, cache_dir: Path, _device: str) -> ClausesTask:
    """Load and read the meetings. Raises InvalidConfig or InvalidData."""
    if config.method.kind != "full":
        raise InvalidConfig(f"method.kind {config.method.kind}: there is no base to adapt. Set method.kind=full.")
    return ClausesTask(config, validate(ClausesOptions, config.options, "options"), StoredStates(cache_dir))


class ClausesTask:
    """The `TrainingTask` of the recipe `clauses`."""

    def __init__(self, config: RunConfig, options: ClausesOptions, reader: LineReader) -> None:
        shape = ClauseShape(**options.shape)  # type: ignore[arg-type]
        torch.manual_seed(config.seed)
        self.net = ClauseNet(shape)
        self.targets: Sequence[str] = ()
        self.micro_batch = 64
        self._options = options
        self._train, self._dev = (self._read(reader, each.source, each.split) for each in (config.train, config.dev))
        self.net.fit(np.concatenate([each.features for each in self._train]))
        self.lengths: Sequence[float] = [float(len(each.features)) for each in self._train]
        self.fingerprint = sha256("\n".join(each.key for each in self._train).encode()).hexdigest()

    def _read(self, reader: LineReader, folder: str, split: str) -> list[ClauseExample]:
        detector, share = Detector.load(reader), self._options.nameless_share
        examples: list[ClauseExample] = []
        for meeting in invented_meetings(split, Path(folder) if folder else FOLDER):
            states = reader.states([turn.text for turn in meeting.turns])
            examples.extend(clause_examples(meeting, states, detector, share))
        return examples

    def after_attach(self) -> None:
        """All of the net is new, so all of it learns."""

    def collate(self, indices: Sequence[int], epoch: int) -> Batch:
        del epoch  # nothing is random
        return _batch([self._train[index] for index in indices])

    def loss(self, batch: Batch) -> torch.Tensor:
        labels = batch.tensors["labels"]
        logits = self.net(batch.tensors["features"])
        worth = mse_loss(torch.sigmoid(logits[:, 0]), labels[:, 0], reduction="sum")
        known = labels[:, 1] != UNKNOWN
        owned = binary_cross_entropy_with_logits(logits[known, 1], labels[known, 1], reduction="sum")
        return _WORTH_WEIGHT * worth + _OWNED_WEIGHT * owned

    def evaluate(self) -> dict[str, float]:
        batch = _batch(self._dev)
        return {"loss": float(self.loss(batch)) / batch.units}

    def measure(self, folder: Path) -> dict[str, float]:
        """The correlation of a clause's worth with the truth, and how often it is right who acts, on dev meetings."""
        batch = _batch(self._dev).tensors
        with torch.inference_mode():
            found = torch.sigmoid(load_clause_network(folder)(batch["features"])).numpy()
        labels = batch["labels"].numpy()
        known = labels[:, 1] != UNKNOWN
        right = (found[known, 1] > 0.5) == (labels[known, 1] > 0.5)
        return {
            "worth_correlation": float(np.corrcoef(found[:, 0], labels[:, 0])[0, 1]),
            "owned_accuracy": float(right.mean()) if known.any() else 0.0,
        }

    def add_files(self, folder: Path) -> None:
        """The network has all that it needs."""

    def metadata(self) -> dict[str, object]:
        return {}


def _batch(examples: Iterable[ClauseExample]) -> Batch:
    chosen = list(examples)
    features = torch.from_numpy(np.concatenate([each.features for each in chosen]))
    labels = torch.from_numpy(np.concatenate([each.labels for each in chosen]))
    return Batch(tuple(each.key for each in chosen), len(features), {"features": features, "labels": labels})
