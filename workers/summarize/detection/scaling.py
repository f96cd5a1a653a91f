"""Brings the states of lines to the size of other features."""

from __future__ import annotations

import torch
from torch import nn

from workers.summarize.detection.line_encoder import STATES
from workers.summarize.text.embedding import Features

_LEAST_SPREAD = 1e-3
_LIMIT = 5.0
"""A few numbers of a state are a hundred times larger than the others."""
_SIZE = 0.4


class StateScaling(nn.Module):
    """Scales states (..., STATES) by the mean and the spread of those that it was fitted to."""

    mean: torch.Tensor
    spread: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(STATES))
        self.register_buffer("spread", torch.ones(STATES))

    def fit(self, states: Features) -> None:
        """Take mean and spread from *states* (T, STATES)."""
        self.mean.copy_(torch.from_numpy(states.mean(0)))
        self.spread.copy_(torch.from_numpy(states.std(0).clip(_LEAST_SPREAD)))

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        return _SIZE * ((states - self.mean) / self.spread).clamp(-_LIMIT, _LIMIT)
