"""A connector that knows the text model's tokens: it recognises which of them are spoken, and outputs their embeddings.

Convolutions over time (those of Liu et al. 2022, ConvNeXt, arXiv 2201.03545, in one dimension) stand between two linear
layers. At each position, the last layer gives the probability of each token and of none (blank). CTC (Graves et al.
2006) trains this from the text alone, without times. Neighbours with the same best token are merged and blanks dropped
(Gaido et al. 2021, arXiv 2102.01578). Each remaining position becomes the mean of the text model's embeddings, weighted
by their probabilities. So the text model reads about as many positions as the text has tokens, and reads embeddings
that it knows. The loss of its output reaches the connector through the probabilities.

Legend: B recordings, N positions, F features of one position, C width between the layers, V tokens, M positions that
remain, E width of the text model.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import ctc_loss, gelu
from torch.nn.utils.rnn import pad_sequence

from training.e2e.connector import ConnectorShape, Embed, save_connector

KERNEL = 9
"""Positions that one convolution covers."""
DROPOUT = 0.1


class Convolution(nn.Module):
    """A convolution of each channel over time, then a mixture of all channels at each position."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.over_time = nn.Conv1d(width, width, KERNEL, padding=KERNEL // 2, groups=width)
        self.level = nn.LayerNorm(width)
        self.wide = nn.Linear(width, 2 * width)
        self.narrow = nn.Linear(2 * width, width)
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, x: torch.Tensor, inside: torch.Tensor) -> torch.Tensor:
        """(B, N, C) for *x* (B, N, C). Positions not *inside* (B, N, 1) their recording count as zero."""
        seen = self.over_time((x * inside).transpose(1, 2)).transpose(1, 2)
        changed: torch.Tensor = self.drop(self.narrow(gelu(self.wide(self.level(seen)))))
        return x + changed


class CtcConnector(nn.Module):
    """A connector trained by CTC. The weights are in 32 bits, whatever precision the models around them use. Blank is
    class V.
    """

    tokens: torch.Tensor

    def __init__(self, shape: ConnectorShape, tokens: torch.Tensor | None = None) -> None:
        """*tokens* (V,) are the text model's ids of the tokens to distinguish. They are saved with the weights."""
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
        """Embeddings (M, E) for each recording's (N, F). *embed* maps token ids to the text model's embeddings."""
        known = embed(self.tokens)
        return [weights.to(known.dtype) @ known for weights in self.token_mixtures(stacked)]

    def token_mixtures(self, stacked: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Probabilities (M, V) of the tokens at the remaining positions, for each recording's (N, F)."""
        scores = self.log_probabilities(stacked)
        return [collapse_repeats(row[: len(each)].exp(), self.blank) for row, each in zip(scores, stacked, strict=True)]

    def log_probabilities(self, stacked: Sequence[torch.Tensor]) -> torch.Tensor:
        """(B, N of the longest, V + 1) in 32 bits. Values past a recording's end are meaningless."""
        x = self.inner(self.level(pad_sequence(list(stacked), batch_first=True)))
        lengths = torch.tensor([len(each) for each in stacked], device=x.device)
        inside = (torch.arange(x.shape[1], device=x.device) < lengths[:, None])[..., None]
        for layer in self.layers:
            x = layer(x, inside)
        scores: torch.Tensor = self.classes(self.last(x)).float()
        return scores.log_softmax(-1)

    def greedy_tokens(self, stacked: Sequence[torch.Tensor]) -> list[list[int]]:
        """The text model's tokens that the connector recognises in each recording."""
        return [self.tokens[weights.argmax(-1)].tolist() for weights in self.token_mixtures(stacked)]

    def save_pretrained(self, folder: Path) -> None:
        """Saves the weights. Method `full` calls this like the method of a transformers model."""
        save_connector(self, folder)


def collapse_repeats(probabilities: torch.Tensor, blank: int) -> torch.Tensor:
    """Merge *probabilities* (N, V + 1), whose last column is *blank*, into probabilities (M, V) of the tokens.

    Neighbouring positions with the same best token become one position; those whose best is blank are dropped.
    """
    best = probabilities.argmax(-1)
    begins = torch.ones_like(best, dtype=torch.bool)
    begins[1:] = best[1:] != best[:-1]
    kept = best != blank
    groups = (begins & kept).cumsum(0)[kept] - 1
    positions = int(groups[-1]) + 1 if len(groups) else 0
    summed = probabilities.new_zeros(positions, blank).index_add(0, groups, probabilities[kept, :blank])
    return summed / summed.sum(-1, keepdim=True)


def summed_ctc_loss(
    log_probabilities: torch.Tensor, lengths: torch.Tensor, classes: torch.Tensor, counts: torch.Tensor, blank: int
) -> torch.Tensor:
    """The sum over recordings of -log of the probability that CTC gives to their tokens, with its gradient.

    *log_probabilities* (B, N, V + 1) are valid at the first `lengths` (B,) positions. *classes* holds the tokens of all
    recordings one after the other; `counts` (B,) says how many belong to each. The value is that of torch's `ctc_loss`.
    Torch would fill a gradient for every class of a large vocabulary, although most classes occur in no text of the
    batch. So the loss is computed over the classes that do occur; the others get their gradient through the
    normalisation of the log-probabilities.
    """
    occurring = torch.cat([classes, classes.new_tensor([blank])])
    used, targets = torch.unique(occurring, return_inverse=True)
    chosen = log_probabilities[..., used]
    with torch.enable_grad():
        leaf = chosen.detach().requires_grad_()
        total = ctc_loss(leaf.transpose(0, 1), targets[:-1], lengths, counts, blank=len(used) - 1, reduction="sum")
        [gradient] = torch.autograd.grad(total, leaf)
    # Torch returns the gradient with respect to the scores before a softmax over these classes, which includes the
    # class's own probability. Here the gradient with respect to the log-probabilities is needed.
    inside = torch.arange(leaf.shape[1], device=leaf.device) < lengths[:, None]
    gradient = torch.where(inside[..., None], gradient - leaf.detach().exp(), 0.0)
    return total.detach() + ((chosen - chosen.detach()) * gradient).sum()
