"""What training asks of a text model, whichever recipe trains it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

IGNORED = -100
"""The label of what counts nothing."""


def norms_in_32_bits(net: Any) -> None:
    """peft's AdaLoRA on quantised layers gives 32 bits, which a norm of 16 bits does not take on a processor."""
    for module in net.modules():
        if isinstance(module, nn.LayerNorm):
            module.float()


def linear_layers(net: Any) -> list[str]:
    """Names of every linear layer but the one that writes the vocabulary."""
    head = net.get_output_embeddings()
    return [name for name, module in net.named_modules() if isinstance(module, nn.Linear) and module is not head]


def padded(rows: Sequence[list[int]], fill: int, left: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
    """*rows* (B, longest) filled up with *fill*, and a mask that is 1 where they are."""
    longest = max(len(row) for row in rows)
    tokens = torch.full((len(rows), longest), fill)
    mask = torch.zeros(len(rows), longest, dtype=torch.long)
    for place, row in enumerate(rows):
        where = slice(longest - len(row), longest) if left else slice(0, len(row))
        tokens[place, where] = torch.tensor(row)
        mask[place, where] = 1
    return tokens, mask
