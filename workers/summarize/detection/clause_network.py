"""The network that weighs clauses: how much of an item each of them says, and whether its speaker acts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from schema.core.errors import BrokenModel
from workers.summarize.detection.clause_features import CLAUSE_WIDTH
from workers.summarize.detection.line_encoder import STATES
from workers.summarize.detection.scaling import StateScaling
from workers.summarize.text.embedding import Features

_OTHERS = CLAUSE_WIDTH - STATES
_LEAST_SPREAD = 1e-3
CONFIG = "config.json"
WEIGHTS = "model.safetensors"


@dataclass(frozen=True, slots=True)
class ClauseShape:
    hidden: int = 96
    dropout: float = 0.3


class ClauseNet(nn.Module):
    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self, shape: ClauseShape) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("mean", torch.zeros(_OTHERS))
        self.register_buffer("spread", torch.ones(_OTHERS))
        self.scaling = StateScaling()
        self.body = nn.Sequential(
            nn.Dropout(shape.dropout / 3),
            nn.Linear(CLAUSE_WIDTH, shape.hidden),
            nn.GELU(),
            nn.Dropout(shape.dropout),
            nn.Linear(shape.hidden, 2),
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Logits (T, 2) of *features* (T, CLAUSE_WIDTH): the share of the item that a clause says, and that its
        speaker does what the item says.
        """
        others, states = features[:, :_OTHERS], features[:, _OTHERS:]
        logits: torch.Tensor = self.body(torch.cat([(others - self.mean) / self.spread, self.scaling(states)], dim=-1))
        return logits

    def fit(self, rows: Features) -> None:
        """Take mean and spread of the features from *rows* (T, CLAUSE_WIDTH)."""
        others, states = np.split(rows, [_OTHERS], axis=1)
        self.mean.copy_(torch.from_numpy(others.mean(0)))
        self.spread.copy_(torch.from_numpy(others.std(0).clip(_LEAST_SPREAD)))
        self.scaling.fit(states)

    def save_pretrained(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CONFIG).write_text(json.dumps(asdict(self.shape), indent=2) + "\n")
        halves = {name: weights.detach().to(torch.float16).contiguous() for name, weights in self.state_dict().items()}
        save_file(halves, folder / WEIGHTS)


def load_clause_network(folder: Path) -> ClauseNet:
    """The network in *folder*, ready to use. Raises BrokenModel."""
    try:
        net = ClauseNet(ClauseShape(**json.loads((folder / CONFIG).read_text())))
        net.load_state_dict({name: weights.float() for name, weights in load_file(folder / WEIGHTS).items()})
    except (OSError, ValueError, TypeError, RuntimeError, SafetensorError) as error:
        raise BrokenModel(f"The weights in {folder} cannot be loaded: {error}. Install Minutebook again.") from error
    return net.eval()
