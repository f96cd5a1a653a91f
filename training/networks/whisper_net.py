"""Whisper's forward pass for training, with transformers' modules and any context. It computes only what a loss needs.

Legend: B rows, S encoder positions, T tokens, D model width.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import gelu, scaled_dot_product_attention
from torch.utils.checkpoint import checkpoint

from training.networks.low_rank import apply_linear
from workers.asr.context import Context
from workers.asr.encoder import join_heads, split_heads


def attend(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """Attention (B, H, T, d) of queries to keys and values (B, H, S, d). *bias* (B, 1, 1, S) is added to the scores."""
    if torch.is_grad_enabled() and q.requires_grad and q.dtype == torch.bfloat16 and q.device.type == "cpu":
        return _PerHeadAttention.apply(q, k, v, bias)  # type: ignore[no-any-return, no-untyped-call]
    return scaled_dot_product_attention(q, k, v, attn_mask=bias)


class _PerHeadAttention(torch.autograd.Function):
    """Attention one head at a time, so that the working set fits into the cache. The weights of each head are a tensor
    of their own, since glibc takes larger ones from the system and returns them each time.
    """

    @staticmethod
    def forward(ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
        shape, heads, scale = q.shape, q.shape[1], q.shape[-1] ** -0.5
        # A term that is the same for every key cancels out in the softmax. Scores near zero lose less when they are
        # rounded to 16 bits.
        k = k - k.mean(2, keepdim=True)
        q, k, v = (part.flatten(0, 1) for part in (q * scale, k, v))
        weights: list[torch.Tensor] = []
        mixed = torch.empty_like(q)
        for row in range(len(q)):
            scores = q[row] @ k[row].T
            if bias is not None:
                scores += bias[row // heads, 0]
            weights.append(scores.softmax(-1))
            torch.mm(weights[row], v[row], out=mixed[row])
        ctx.save_for_backward(q, k, v, *weights)
        ctx.scale = scale
        return mixed.view(shape)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        q, k, v, *weights = ctx.saved_tensors
        (gradient,) = gradients
        g = gradient.flatten(0, 1)
        g_q, g_k, g_v = (torch.empty_like(part) for part in (q, k, v))
        for row in range(len(q)):
            torch.mm(weights[row].T, g[row], out=g_v[row])
            g_weights = g[row] @ v[row].T
            g_scores = torch._softmax_backward_data(g_weights, weights[row], -1, g_weights.dtype)
            torch.mm(g_scores, k[row], out=g_q[row])
            torch.mm(g_scores.T, q[row], out=g_k[row])
        split = (*gradient.shape[:2], -1, gradient.shape[-1])
        return g_q.mul_(ctx.scale).view(split), g_k.view(split), g_v.view(split), None


def encode(net: Any, mel: torch.Tensor, context: Context, recompute: bool = False) -> torch.Tensor:
    """States (B, S, D) of features (B, n_mels, context.frames), as the workers' encoder computes them.

    With *recompute* a layer keeps only its input and runs again in the backward pass. No gradient is recorded if
    nothing in the encoder is trained.
    """
    encoder = net.model.encoder
    trained = torch.is_grad_enabled() and any(p.requires_grad for p in encoder.parameters())
    with torch.set_grad_enabled(trained):
        x = gelu(encoder.conv1(mel.to(encoder.conv1.weight.dtype)))
        x = gelu(encoder.conv2(x)).transpose(1, 2)
        x = context.spread(x) + encoder.embed_positions.weight[context.index]
        for layer in encoder.layers:
            x = _run(_encoder_layer, recompute and trained, layer, x, context.bias)
        states: torch.Tensor = encoder.layer_norm(x)
    return states


def decode(
    net: Any, tokens: torch.Tensor, states: torch.Tensor, bias: torch.Tensor | None, recompute: bool = False
) -> torch.Tensor:
    """States (B, T, D) before the output layer, for *tokens* (B, T) padded at the end.

    *bias* (B, 1, 1, S) is added to the attention scores on *states* (B, S, D).
    """
    decoder = net.model.decoder
    x = decoder.embed_tokens(tokens) + decoder.embed_positions.weight[: tokens.shape[1]]
    for layer in decoder.layers:
        x = _run(_decoder_layer, recompute and torch.is_grad_enabled(), layer, x, states, bias)
    hidden: torch.Tensor = decoder.layer_norm(x)
    return hidden


def _run(function: Any, recompute: bool, *arguments: Any) -> torch.Tensor:
    y: torch.Tensor = checkpoint(function, *arguments, use_reentrant=False) if recompute else function(*arguments)
    return y


def _encoder_layer(layer: Any, x: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    h = layer.self_attn_layer_norm(x)
    x = x + _attend(layer.self_attn, h, h, bias, causal=False)
    return _feed_forward(layer, x)


def _decoder_layer(layer: Any, x: torch.Tensor, states: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    h = layer.self_attn_layer_norm(x)
    x = x + _attend(layer.self_attn, h, h, None, causal=True)
    x = x + _attend(layer.encoder_attn, layer.encoder_attn_layer_norm(x), states, bias, causal=False)
    return _feed_forward(layer, x)


def _attend(
    attention: Any, x: torch.Tensor, seen: torch.Tensor, bias: torch.Tensor | None, causal: bool
) -> torch.Tensor:
    heads: int = attention.num_heads
    q = split_heads(apply_linear(attention.q_proj, x), heads)
    k, v = (split_heads(apply_linear(part, seen), heads) for part in (attention.k_proj, attention.v_proj))
    bias = bias if bias is None else bias.to(q.dtype)
    mixed = scaled_dot_product_attention(q, k, v, is_causal=True) if causal else attend(q, k, v, bias)
    return apply_linear(attention.out_proj, join_heads(mixed))


def _feed_forward(layer: Any, x: torch.Tensor) -> torch.Tensor:
    return x + apply_linear(layer.fc2, gelu(apply_linear(layer.fc1, layer.final_layer_norm(x))))
