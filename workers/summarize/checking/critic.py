"""The critic: how probable it is that a claim of the minutes is true, and whether later lines take it back."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch

from schema.core.errors import BrokenModel
from workers.summarize.checking.claim import MinutesClaim
from workers.summarize.checking.critic_features import CriticInput, CriticReader
from workers.summarize.checking.critic_network import CriticNet, load_critic_network
from workers.summarize.checking.evidence import CONTRADICTED
from workers.summarize.text.embedding import Features, embedded

FOLDER = Path(__file__).parents[1] / "shipped" / "critic"
CALIBRATION = "calibration.json"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Turns logits into probabilities, and probabilities into verdicts; fitted on meetings that the net did not see.

    The probability of a logit x is that of `scale` · x + `shift`. From `supported_from` a claim counts as supported,
    and from `taken_back_from` lines count as taking an item back.
    """

    scale: float = 1.0
    shift: float = 0.0
    supported_from: float = 0.5
    taken_back_from: float = 0.5

    def probability(self, logit: float) -> float:
        return (1 + math.tanh((self.scale * logit + self.shift) / 2)) / 2

    def save(self, folder: Path) -> None:
        (folder / CALIBRATION).write_text(json.dumps(asdict(self), indent=2) + "\n")


def load_calibration(folder: Path) -> Calibration:
    """Raises BrokenModel."""
    try:
        return Calibration(**json.loads((folder / CALIBRATION).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise BrokenModel(f"The critic in {folder} cannot be loaded: {error}. Install Minutebook again.") from error


@dataclass(frozen=True, slots=True)
class TakenBack:
    """How probable it is that a claim is taken back, whether that is sure enough to act on, and by which segments."""

    probability: float
    sure: bool
    segments: tuple[int, ...]


class Critic:
    """Judges claims against lines that a `CriticReader` has read."""

    def __init__(self, net: CriticNet, calibration: Calibration) -> None:
        self.calibration = calibration
        self._net = net

    @classmethod
    def load(cls, folder: Path = FOLDER) -> Critic:
        """Raises BrokenModel."""
        return cls(load_critic_network(folder), load_calibration(folder))

    def support(self, reader: CriticReader, claims: Sequence[MinutesClaim]) -> list[float]:
        """The probability that each of *claims* is true. Each must have evidence among the lines of *reader*."""
        if not claims:
            return []
        texts = embedded([claim.text for claim in claims])
        inputs = [reader.read(claim, text) for claim, text in zip(claims, texts, strict=True)]
        logits, _ = self._logits(reader, inputs)
        return [self._probability(logit, read) for logit, read in zip(logits.tolist(), inputs, strict=True)]

    def _probability(self, logit: float, read: CriticInput) -> float:
        """What the network says, lowered where a hard rule shows that the claim has something that was not said."""
        probability = self.calibration.probability(logit)
        return min(probability, CONTRADICTED) if read.contradicted else probability

    def taken_back(self, reader: CriticReader, claims: Sequence[MinutesClaim]) -> list[TakenBack]:
        """Whether the lines of *reader*, which were said after *claims*, take them back."""
        if not claims or not reader.holds(range(len(reader.line_ids))):
            return [TakenBack(0.0, False, ())] * len(claims)
        texts = embedded([claim.text for claim in claims])
        inputs = [reader.read_later(claim, text) for claim, text in zip(claims, texts, strict=True)]
        _, logits = self._logits(reader, inputs)
        return [self._verdict(row, seen, reader) for row, seen in zip(logits, inputs, strict=True)]

    def _verdict(self, logits: torch.Tensor, seen: CriticInput, reader: CriticReader) -> TakenBack:
        pieces = torch.sigmoid(logits[: len(seen.lines)])
        best = float(pieces.max())
        line = reader.line_ids[seen.lines[int(pieces.argmax())]]
        return TakenBack(best, best >= self.calibration.taken_back_from, (line,))

    def _logits(self, reader: CriticReader, inputs: Sequence[CriticInput]) -> tuple[torch.Tensor, torch.Tensor]:
        with torch.inference_mode():
            true, back = self._net(**stack([(reader.embedded, each) for each in inputs]))
        return true, back


@cache
def included_critic() -> Critic:
    """The critic that comes with Minutebook. Raises BrokenModel."""
    return Critic.load()


def stack(inputs: Sequence[tuple[Features, CriticInput]]) -> dict[str, torch.Tensor]:
    """The arguments of `CriticNet` for claims, each with the embeddings of all pieces of its meeting."""
    longest = max(len(each.seen) for _, each in inputs)
    pieces = [_padded(known[list(each.seen)], longest) for known, each in inputs]
    return {
        "pieces": torch.from_numpy(np.stack(pieces).astype(np.float32)),
        "facts": torch.from_numpy(np.stack([_padded(each.facts, longest) for _, each in inputs]).astype(np.float32)),
        "claim": torch.from_numpy(np.stack([each.claim for _, each in inputs]).astype(np.float32)),
        "claim_facts": torch.from_numpy(np.stack([each.claim_facts for _, each in inputs]).astype(np.float32)),
        "lengths": torch.tensor([len(each.seen) for _, each in inputs]),
    }


def _padded(rows: Features, longest: int) -> Features:
    return np.pad(rows, ((0, longest - len(rows)), (0, 0)))
