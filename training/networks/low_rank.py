"""A linear layer with the adapter in training, in few operations.

PEFT's forward pass casts the input to 32 bits, computes two products and adds them, scaled, to the layer's own output:
six passes over the activations, and as many backward. Here the matrix products accumulate the adapter's part directly.
The result is the same except for rounding. Layers that this does not cover go through PEFT.

Legend: N rows, r rank.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn.functional import linear

from training.networks.methods import ADAPTER_NAME


def apply_linear(layer: Any, x: torch.Tensor) -> torch.Tensor:
    """*layer*(x), including its adapter if it has one; *x* is (..., in)."""
    factors = _factors(layer)
    if factors is None:
        y: torch.Tensor = layer(x)
        return y
    down, up = (factor.to(x.dtype) for factor in factors)
    base = layer.base_layer
    if type(base) is nn.Linear and base.weight.dtype == x.dtype:
        return _Accumulated.apply(x, base.weight, base.bias, down, up)  # type: ignore[no-any-return, no-untyped-call]
    return base(x) + linear(linear(x, down), up)  # type: ignore[no-any-return]


def _factors(layer: Any) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Factors (r, in) and (out, r), with the scale in the second. None if PEFT must run the layer: without an adapter,
    or with dropout on its input.
    """
    if (
        not hasattr(layer, "lora_A")
        or ADAPTER_NAME not in layer.lora_A
        or isinstance(layer.lora_dropout[ADAPTER_NAME], nn.Dropout)
    ):
        return None
    if hasattr(layer, "lora_E"):
        scale = layer.scaling[ADAPTER_NAME] / (layer.ranknum[ADAPTER_NAME] + 1e-5)
        return layer.lora_A[ADAPTER_NAME] * layer.lora_E[ADAPTER_NAME], layer.lora_B[ADAPTER_NAME] * scale
    return layer.lora_A[ADAPTER_NAME].weight, layer.lora_B[ADAPTER_NAME].weight * layer.scaling[ADAPTER_NAME]


class _Accumulated(torch.autograd.Function):
    """x W^T + b + (x down^T) up^T for a frozen W, where the second product is accumulated onto the first."""

    @staticmethod
    def forward(
        ctx: Any,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        down: torch.Tensor,
        up: torch.Tensor,
    ) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        inner = rows @ down.T
        y = linear(rows, weight, bias).addmm_(inner, up.T)
        ctx.save_for_backward(rows, weight, down, up, inner)
        return y.view(*x.shape[:-1], -1)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, weight, down, up, inner = ctx.saved_tensors
        (gradient,) = gradients
        g = gradient.reshape(-1, gradient.shape[-1])
        g_inner = g @ up
        g_x = None
        if ctx.needs_input_grad[0]:
            g_x = (g @ weight).addmm_(g_inner, down).view(*gradient.shape[:-1], -1)
        return g_x, None, None, g_inner.T @ rows, g.T @ inner
