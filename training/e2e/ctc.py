"""A connector that knows the text model's tokens: it tells which of them it hears, and gives their embeddings.

Between two linear layers stand convolutions over time (those of Liu et al. 2022, ConvNeXt, arXiv 2201.03545, in one
dimension). The last layer gives the probability of each token and of none (blank) at each position, which is what CTC
(Graves et al. 2006) teaches it from a text alone. Neighbours with the same best token become one, blanks are dropped
(Gaido et al. 2021, arXiv 2102.01578), and each of what is left is the mean of the text model's embeddings, weighted by
their probabilities. So the text model reads about as many places as the text has tokens, and reads what it knows;
and the loss of what it writes reaches the connector through the probabilities.

Legend: B recordings, N positions, F what is read of one, C width between the layers, V tokens, M places that are left,
E width of the text model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import ctc_loss, gelu
from torch.nn.utils.rnn import pad_sequence

from training.e2e.connector import Embed, Shape, save_connector

KERNEL = 9
"""Positions that one convolution sees."""
DROPOUT = 0.1


class Convolution(nn.Module):
    """Each channel over time, then all channels of each position."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.over_time = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2, groups=width)
        self.level = nn.LayerNorm(width)
        self.wide = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, x: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
        """(B, N, C) of *x* (B, N, C); what is not *inside* (B, N, 1) its recording counts as zero."""
        seen = self.over_time((x * inside).transpose(1, 2)).transpose(1, 2)
        changed: torch.Tensor = self.drop(self.narrow(gelu(self.wide(self.level(seen)))))
        return x + changed


class CtcConnector(nn.Module):
    """Its weights are in 32 bits, whatever the models beside it compute in. Blank is class V."""

    tokens: torch.Tensor

    def __init__(self, shape: Shape, tokens: torch.Tensor | None = None) -> None:
        """*tokens* (V,) are the text model's numbers of what it tells apart; they are saved with the weights."""
        super().__init__()
        self.shape = shape
        width = shape.speech_width * shape.stack
        self.level = nn.LayerNorm(width)
        self.inner = nn.Linear(width, shape.hidden)
        self.layers = nn.ModuleList(Convolution(shape.hidden) for _ in range(shape.layers))
        self.last = nn.LayerNorm(shape.hidden)
        self.classes = nn.Linear(shape.hidden, shape.vocabulary + 1)
        self.register_buffer("tokens", torch.zeros(shape.vocabulary, dtype=torch.long) if tokens is None else tokens)

    @property
    def blank(self) -> int:
        return self.shape.vocabulary

    def forward(self, stacked: Sequence[torch.Tensor], embed: Embed) -> list[torch.Tensor]:
        """Embeddings (M, E) of each recording's (N, F); *embed* gives those of the text model's tokens."""
        known = embed(self.tokens)
        return [weights.to(known.dtype) @ known for weights in self.mixtures(stacked)]

    def mixtures(self, stacked: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Probabilities (M, V) of the tokens at the places that are left of each recording's (N, F)."""
        scores = self.log_probabilities(stacked)
        return [squeezed(row[: len(each)].exp(), self.blank) for row, each in zip(scores, stacked, strict=True)]

    def log_probabilities(self, stacked: Sequence[torch.Tensor]) -> torch.Tensor:
        """(B, N of the longest, V + 1) in 32 bits; what lies behind a recording is without meaning."""
        x = self.inner(self.level(pad_sequence(list(stacked), batch_first=True)))
        lengths = torch.tensor([len(each) for each in stacked], device=x.device)
        inside = (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[..., None]
        for layer in self.layers:
            x = layer(x, inside)
        scores: torch.Tensor = self.classes(self.last(x)).float()
        return scores.log_softmax(-1)

    def best(self, stacked: Sequence[torch.Tensor]) -> list[list[int]]:
        """The text model's tokens that each recording is heard as."""
        return [self.tokens[weights.argmax(-1)].tolist() for weights in self.mixtures(stacked)]

    def save_pretrained(self, folder: Path) -> None:
        """As method `full` asks a model."""
        save_connector(self, folder)


def squeezed(probabilities: torch.Tensor, blank: int) -> torch.Tensor:
    """Probabilities (M, V) of the tokens, of *probabilities* (N, V + 1), the last that of *blank*.

    Neighbours of which the same is likeliest are one, and where that is blank they are none.
    """
    best = probabilities.argmax(-1)
    begins = torch.ones_like(best, dtype=torch.bool)
    begins[1:] = best[1:] != best[:-1]
    kept = best != blank
    groups = (begins & kept).cumsum(0)[kept] - 1
    places = int(groups[-1]) + 1 if len(groups) else 0
    summed = probabilities.new_zeros(places, blank).index_add(0, groups, probabilities[kept, :blank])
    return summed / summed.sum(-1, keepdim=True)


def loss(
    log_probabilities: torch.Tensor, lengths: torch.Tensor, classes: torch.Tensor, counts: torch.Tensor, blank: int
) -> torch.Tensor:
    """The sum over recordings of -log of the probability that CTC gives to their tokens, with its gradient.

    *log_probabilities* (B, N, V + 1) of which `lengths` (B,) count, *classes* of all recordings after each other,
    `counts` (B,) of each. It is what torch's `ctc_loss` gives, which fills a gradient of all classes; most of a large
    vocabulary are in no text of a batch, and are left to the normalisation before.
    """
    known = torch.cat([classes, classes.new_tensor([blank])])
    used, targets = torch.unique(known, return_inverse=True)
    chosen = log_probabilities[..., used]
    with torch.enable_grad():
        held = chosen.detach().requires_grad_()
        total = ctc_loss(held.transpose(0, 1), targets[:-1], lengths, counts, blank=len(used) - 1, reduction="sum")
        [slope] = torch.autograd.grad(total, held)
    # Torch's slope is that by the scores in front of a softmax over these classes: its own probability is in it.
    inside = torch.arange(held.shape[1], device=held.device) < lengths[:, None]
    slope = torch.where(inside[..., None], slope - held.detach().exp(), 0.0)
    return total.detach() + ((chosen - chosen.detach()) * slope).sum()
