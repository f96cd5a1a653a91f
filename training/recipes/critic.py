"""Teaches the critic which claims of minutes are true, and which lines take an item back, on the invented meetings.

Some training meetings are held out. On them the probabilities are calibrated and the thresholds are chosen. In some of
the examples no speaker is known. Nothing is read at training time but embeddings, which are computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch.nn.functional import binary_cross_entropy_with_logits

from schema.core.errors import InvalidConfig
from training.data.critic_examples import LABELS, LATER_SHARE, CriticExample, examples_of, stacked
from training.data.invented_meetings import FOLDER, invented_meetings
from training.metrics.calibration import Doubles, area_under_curve, platt_scaling
from training.runs.config import RunConfig, Section, validate
from training.runs.task import Batch
from workers.summarize.checking.critic import Calibration, stack
from workers.summarize.checking.critic_network import CriticNet, CriticShape, load_critic_network

_EVALUATED = 128
SUPPORTED_SHARE = 0.92
"""This share of the true claims of held-out meetings counts as supported."""
SURE = 0.9
"""This share of the held-out items that count as taken back must have been."""


class CriticOptions(Section):
    """Options of a critic run."""

    shape: dict[str, float] = Field(default_factory=dict)
    """Changes to `CriticShape`."""
    nameless_share: float = 1 / 3
    held_out: int = Field(default=6, ge=2)
    """Every so manieth training meeting is held out for calibration."""


def build(config: RunConfig, _cache_dir: Path, _device: str) -> CriticTask:
    """Load and read the meetings. Raises InvalidConfig or InvalidData."""
    if config.method.kind != "full":
        raise InvalidConfig(f"method.kind {config.method.kind}: a critic has no base to adapt. Set method.kind=full.")
    return CriticTask(config, validate(CriticOptions, config.options, "options"))


class CriticTask:
    """The `TrainingTask` of the recipe `critic`."""

    def __init__(self, config: RunConfig, options: CriticOptions) -> None:
        shape = CriticShape(**options.shape)  # type: ignore[arg-type]
        torch.manual_seed(config.seed)
        self.net = CriticNet(shape)
        self.targets: Sequence[str] = ()
        self.micro_batch = 64
        self._options = options
        train, self._dev = (self._read(source.source, source.split) for source in (config.train, config.dev))
        self._train = [each for number, meeting in enumerate(train) if number % options.held_out for each in meeting]
        self._held_out = [each for meeting in train[:: options.held_out] for each in meeting]
        self.lengths: Sequence[float] = [float(len(each.read.lines)) for each in self._train]
        self.fingerprint = sha256("\n".join(each.key for each in self._train).encode()).hexdigest()

    def _read(self, folder: str, split: str) -> list[list[CriticExample]]:
        meetings = invented_meetings(split, Path(folder) if folder else FOLDER)
        return [list(examples_of(meeting, self._options.nameless_share)) for meeting in meetings]

    def after_attach(self) -> None:
        """All of the net is new, so all of it learns."""

    def collate(self, indices: Sequence[int], epoch: int) -> Batch:
        del epoch  # nothing is random
        return _batch([self._train[index] for index in indices])

    def loss(self, batch: Batch) -> torch.Tensor:
        inputs = dict(batch.tensors)
        true, weight, back, back_weight = (inputs.pop(name) for name in LABELS)
        told, taken = self.net(**inputs)
        judged = binary_cross_entropy_with_logits(told, true, weight=weight, reduction="sum")
        seen = taken.isfinite()
        each = binary_cross_entropy_with_logits(taken.masked_fill(~seen, 0.0), back, reduction="none")
        loss: torch.Tensor = judged + ((each * seen).sum(1) / seen.sum(1) * back_weight).sum()
        return loss

    def evaluate(self) -> dict[str, float]:
        examples = [each for meeting in self._dev for each in meeting]
        pieces = (examples[at : at + _EVALUATED] for at in range(0, len(examples), _EVALUATED))
        return {"loss": sum(float(self.loss(_batch(piece))) for piece in pieces) / len(examples)}

    def measure(self, folder: Path) -> dict[str, float]:
        """How well true claims are told from false ones, on the dev meetings."""
        examples = [each for meeting in self._dev for each in meeting if each.weight and each.judgement.authored]
        logits, _ = scores(load_critic_network(folder), examples)
        true = np.array([each.judgement.true for each in examples])
        return {"area_under_curve": area_under_curve(logits[true], logits[~true])}

    def add_files(self, folder: Path) -> None:
        """Fit the calibration on the held-out meetings, with the weights as they are saved."""
        fit_calibration(load_critic_network(folder), self._held_out).save(folder)

    def metadata(self) -> dict[str, object]:
        return {}


def _batch(examples: Sequence[CriticExample]) -> Batch:
    return Batch(tuple(each.key for each in examples), len(examples), stacked(examples))


def scores(net: CriticNet, examples: Sequence[CriticExample]) -> tuple[Doubles, Doubles]:
    """For each example the logit that its claim is true, and the probability that its lines take it back (N,)."""
    told, taken = [], []
    with torch.inference_mode():
        for at in range(0, len(examples), _EVALUATED):
            inputs = stack([(each.embedded, each.read) for each in examples[at : at + _EVALUATED]])
            true, back = net(**inputs)
            told.append(true)
            taken.append(torch.sigmoid(back).amax(1))
    return torch.cat(told).double().numpy(), torch.cat(taken).double().numpy()


def fit_calibration(net: CriticNet, examples: Sequence[CriticExample]) -> Calibration:
    """Probabilities from all *examples* whose claims were judged, thresholds from those that people wrote."""
    told, taken = scores(net, examples)
    weights = np.array([each.weight for each in examples])
    true = np.array([each.judgement.true for each in examples])
    authored = np.array([each.judgement.authored for each in examples])
    contradicted = np.array([each.read.contradicted for each in examples])
    judged = weights > 0
    fitted = Calibration(*platt_scaling(told[judged], true[judged].astype(np.float64), weights[judged]))
    kept = told[judged & true & authored & ~contradicted]
    lowest = float(np.quantile(kept, 1 - SUPPORTED_SHARE, method="lower"))
    return replace(
        fitted,
        supported_from=fitted.probability(lowest),
        taken_back_from=precise_threshold(taken[~judged], ~true[~judged], SURE, 1 / LATER_SHARE),
    )


def precise_threshold(found: Doubles, wanted: NDArray[np.bool_], precision: float, unwanted: float = 1.0) -> float:
    """The lowest score from which so large a share of what scores as high is *wanted*; above 1 if there is none.

    What is not wanted counts *unwanted* times.
    """
    order = np.argsort(-found, kind="stable")
    shares = np.cumsum(wanted[order]) / np.cumsum(np.where(wanted, 1.0, unwanted)[order])
    enough = np.flatnonzero(shares >= precision)
    return float(found[order][enough[-1]]) if len(enough) else 1.1
