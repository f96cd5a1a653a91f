"""Scaled dot-product attention, computed in the way that is fastest on the device.

PyTorch's fused kernel is fastest on a GPU and in 32 bits. On a CPU in bfloat16 it is slower than separate matrix
products, because these use the processor's own 16-bit instructions.

Legend: B rows, H heads, T queries, S keys, d width of a head.
"""

from __future__ import annotations

import torch
from torch.nn.functional import scaled_dot_product_attention

LARGE = 1 << 15
"""If one head has this many scores or more, the scores of all heads together do not fit the cache."""


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Attention (B, H, T, d) of *q* (B, H, T, d) to *k* and *v* (B, H, S, d).

    *bias* (B, 1, 1 or T, S) is added to the scores.
    """
    if not _in_products(q):
        return scaled_dot_product_attention(q, k, v, attn_mask=bias)
    if q.shape[2] * k.shape[2] < LARGE:
        return attend_openly(q, k, v, bias)[0]
    return _by_heads(q, k, v, bias)


def attend_openly(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """The same as `attend`, and the attention weights (B, H, T, S)."""
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-1, -2)
    if bias is not None:
        scores = scores + bias
    weights = scores.softmax(-1)
    return weights @ v, weights


def _in_products(q: torch.Tensor) -> bool:
    return q.device.type == "cpu" and q.dtype == torch.bfloat16


def _by_heads(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Attention one head at a time. The product itself adds the bias."""
    rows, heads, queries, width = q.shape
    mixed = q.new_empty(rows, queries, heads, width).transpose(1, 2)
    for row in range(rows):
        own = q.new_zeros(1, k.shape[2]) if bias is None else bias[row, 0]
        for head in range(heads):
            scores = torch.addmm(own, q[row, head], k[row, head].T, alpha=width**-0.5)
            mixed[row, head] = scores.softmax(-1) @ v[row, head]
    return mixed
