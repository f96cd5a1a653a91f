"""The connector turns encoder states into embeddings for the text model.

Neighbouring positions are averaged (`downsample`), concatenated (`stack`) and projected by two linear layers, as in Ma
et al. 2024 (SLAM-ASR, arXiv 2402.08846). One embedding then covers 20 ms x downsample x stack of audio.

Legend: S encoder positions, D width of the encoder, N embeddings, E width of the text model.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import gelu, pad

CONNECTOR = "connector.safetensors"


@dataclass(frozen=True, slots=True)
class ConnectorShape:
    """Determines which weights a connector has. `hidden` is the width between its first and its last layer."""

    speech_width: int
    text_width: int
    stack: int
    downsample: int
    hidden: int
    layers: int = 0
    """Convolutions over time between these two layers."""
    vocabulary: int = 0
    """Number of tokens of the text model that it distinguishes (`training/e2e/ctc.py`); 0 for a connector without
    tokens.
    """

    @property
    def positions(self) -> int:
        """Encoder positions per embedding."""
        return self.stack * self.downsample

    def embeddings(self, positions: int) -> int:
        """Number of embeddings for *positions* of one window."""
        return -(-positions // self.positions)

    def __str__(self) -> str:
        return ", ".join(f"{name} {value}" for name, value in asdict(self).items())


Embed = Callable[[torch.Tensor], torch.Tensor]
"""Maps tokens (V,) to the text model's embeddings (V, E), as its first layer receives them."""


class Connector(nn.Module):
    """Two linear layers. The weights are in 32 bits, whatever precision the models around them use."""

    def __init__(self, shape: ConnectorShape, loudness: float = 1.0) -> None:
        """*loudness* is the root mean square of the text model's own embeddings. The output begins with the same."""
        super().__init__()
        self.shape = shape
        width = shape.speech_width * shape.stack
        self.level = nn.LayerNorm(width)
        self.inner = nn.Linear(width, shape.hidden)
        self.outer = nn.Linear(shape.hidden, shape.text_width)
        self.volume = nn.RMSNorm(shape.text_width, eps=1e-6)
        nn.init.constant_(self.volume.weight, loudness)

    def forward(self, stacked: Sequence[torch.Tensor], embed: Embed) -> list[torch.Tensor]:
        """(N, E) for each recording's (N, stack * D). *embed* is not used."""
        del embed
        inner = gelu(self.inner(self.level(torch.cat(list(stacked)))))
        embeddings: torch.Tensor = self.volume(self.outer(inner).float())
        return list(torch.split_with_sizes(embeddings, [len(each) for each in stacked]))


def stack_states(states: torch.Tensor, shape: ConnectorShape) -> torch.Tensor:
    """States (S, D) of one window as (N, stack * D) in 32 bits. The last group is filled up with zeros."""
    missing = -len(states) % shape.positions
    filled = pad(states.float(), (0, 0, 0, missing))
    groups = filled.view(-1, shape.stack, shape.downsample, filled.shape[-1])
    return groups.mean(2).flatten(1)


def save_connector(connector: nn.Module, folder: Path) -> None:
    save_file({name: weight.contiguous() for name, weight in connector.state_dict().items()}, folder / CONNECTOR)
