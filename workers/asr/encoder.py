"""Whisper's encoder over transformers' modules, for any `Context`.

Legend: B rows, S encoder positions kept, D model width, H heads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import gelu

from workers.asr.adapters import project
from workers.asr.context import Context
from workers.asr.kernels.attention import attend
from workers.asr.kernels.products import project_all


def encode(net: Any, mel: torch.Tensor, context: Context, adapters: Sequence[str] | None) -> torch.Tensor:
    """Encode the features *mel* (B, n_mels, context.frames) into states (B, S, D) at the positions of *context*."""
    encoder = net.model.encoder
    x = gelu(encoder.conv1(mel.to(encoder.conv1.weight.dtype)))
    x = gelu(encoder.conv2(x)).transpose(1, 2)
    x = context.spread(x) + encoder.embed_positions.weight[context.index]
    for layer in encoder.layers:
        x = _layer(layer, x, context.bias, adapters)
    states: torch.Tensor = encoder.layer_norm(x)
    return states


def _layer(layer: Any, x: torch.Tensor, bias: torch.Tensor | None, adapters: Sequence[str] | None) -> torch.Tensor:
    attention = layer.self_attn
    h = layer.self_attn_layer_norm(x)
    parts = project_all((attention.q_proj, attention.k_proj, attention.v_proj), h, adapters)
    q, k, v = (split_heads(part, attention.num_heads) for part in parts)
    mixed = attend(q, k, v, bias)
    x = x + project(attention.out_proj, join_heads(mixed), adapters)
    return feed_forward(layer, x, adapters)


def feed_forward(layer: Any, x: torch.Tensor, adapters: Sequence[str] | None) -> torch.Tensor:
    """The feed-forward half of an encoder or decoder layer, with its residual: (B, T, D) to (B, T, D)."""
    h = project(layer.fc1, layer.final_layer_norm(x), adapters)
    return x + project(layer.fc2, gelu(h), adapters)


def split_heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    """(B, T, D) as (B, H, T, D / H)."""
    rows, length, _ = x.shape
    if length == 1:  # a decoding step consists of many small operations, and this saves one
        return x.view(rows, heads, 1, -1)
    return x.view(rows, length, heads, -1).transpose(1, 2)


def join_heads(x: torch.Tensor) -> torch.Tensor:
    """(B, H, T, D / H) as (B, T, D)."""
    if x.shape[2] == 1:
        return x.reshape(len(x), 1, -1)
    return x.transpose(1, 2).flatten(2)
