"""Whisper in 8 bits on a CPU: weights and activations, multiplied by the processor's own instructions (VNNI).

Without VNNI, oneDNN adds products of unsigned and signed bytes in pairs and keeps each sum in 16 bits, cut off at the
limit. A pair of 8 bits passes that limit (2 * 255 * 127), a pair with 7-bit weights does not (2 * 255 * 63). So weights
have 7 bits there, and activations keep 8: tiny.en read 53 LibriSpeech clips with 13.3 % of words wrong that way, with
15.7 % when activations had the 7 bits, and with 13.2 % in 32 bits.

The encoder and the decoder's view of the audio are multiplied one window at a time, since PyTorch scales a whole input
by one number: a batch then reads as one by one. The vocabulary, where the decoder spends its weights, has a scale for
each row. The rest computes in the model's own type: bfloat16 where the processor multiplies it, else 32 bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from workers.models.precision import cpu_flags

INT8_DYNAMIC = "int8_dynamic"
_VNNI = ("avx512_vnni", "avx_vnni")
_AMX = "amx_bf16"
WEIGHT_BITS = (8, 7)
"""From the most exact, which needs VNNI, to the one that every processor multiplies."""
_LARGEST, _MIDDLE, _LEVELS = 127, 128, 255
_SMALLEST_SCALE = 1e-9
Levels = tuple[torch.Tensor, float, int]
"""A window (T, in) as uint8, the step between two levels, and the level of zero."""


def pays_here() -> bool:
    """Whether this processor multiplies 8 bits faster than anything else it has: AMX leaves little to gain."""
    flags = cpu_flags()
    return bool(flags.intersection(_VNNI)) and _AMX not in flags


class WindowLinear(nn.Linear):
    """A linear layer of weights in *bits*, a scale for each output; its input (B, T, in) has one scale for each window.

    `weight` has the shape but no memory: PEFT asks it for its type, and nothing else reads it.
    """

    def __init__(self, layer: nn.Linear, bits: int) -> None:
        super().__init__(layer.in_features, layer.out_features, bias=False, device="meta")
        shape = (layer.out_features, layer.in_features)
        self.weight = nn.Parameter(torch.zeros(1, dtype=layer.weight.dtype).expand(shape), requires_grad=False)
        self._weights = Weights(layer, layer.weight.dtype, bits)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.multiply([to_levels(row) for row in x])

    def multiply(self, windows: Sequence[Levels]) -> torch.Tensor:
        """(B, T, out) of windows that are in 8 bits already."""
        rows = [self._weights.multiply(*window) for window in windows]
        return rows[0][None] if len(rows) == 1 else torch.stack(rows)


class RowLinear(nn.Module):
    """A linear layer of weights in *bits* with a scale for each output, and one for each row of the input (..., in).

    Its output is in 32 bits, whatever the model's type.
    """

    def __init__(self, layer: nn.Linear, bits: int) -> None:
        super().__init__()
        self.weight = layer.weight  # the embedding's, which it shares
        self._weights = Weights(layer, torch.float32, bits)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1]).float()
        scales = (rows.abs().amax(-1, keepdim=True) / _LARGEST).clamp(min=_SMALLEST_SCALE)
        levels = (rows / scales).round_().add_(_MIDDLE)
        return self._weights.multiply(_as_bytes(levels), 1.0, _MIDDLE).mul_(scales).view(*x.shape[:-1], -1)


class Weights:
    """(out, in) in *bits*, a scale for each output, packed as oneDNN wants them; and the bias. Gives *dtype*."""

    def __init__(self, layer: nn.Linear, dtype: torch.dtype, bits: int) -> None:
        weight = layer.weight.float()
        self._scales = (weight.abs().amax(1) / largest_weight(bits)).clamp(min=_SMALLEST_SCALE)
        levels = (weight / self._scales[:, None]).round().to(torch.int8)
        self._packed = torch.ops.onednn.qlinear_prepack(levels, None)
        self._zero_points = torch.zeros(len(levels), dtype=torch.int64)
        self._bias = None if layer.bias is None else layer.bias.float()
        self._dtype = dtype

    def multiply(self, levels: torch.Tensor, scale: float, zero_point: int) -> torch.Tensor:
        """(T, out) of uint8 *levels* (T, in) that mean (level - zero_point) * scale."""
        product: torch.Tensor = torch.ops.onednn.qlinear_pointwise(
            levels, scale, zero_point, self._packed, self._scales, self._zero_points, self._bias,
            1.0, 0, self._dtype, "none", [], "",
        )  # fmt: skip
        return product


def largest_weight(bits: int) -> int:
    return int(2 ** (bits - 1)) - 1


def is_exact(bits: int, dtype: torch.dtype) -> bool:
    """Whether extreme weights of *bits* give the exact product here, as one row and as many: they are different code.

    Raises what PyTorch raises where its operators, which are private, are missing or take other arguments.
    """
    drawn = torch.Generator().manual_seed(1)
    weights = torch.randint(0, 2, (96, 384), generator=drawn) * 2 - 1
    weights[0], weights[1] = 1, -1
    levels = torch.randint(0, _LEVELS + 1, (50, 384), generator=drawn)
    levels[0] = _LEVELS
    extremes = weights.float() * largest_weight(bits)
    exact = (levels.float() - _MIDDLE) @ extremes.T  # below 2**24, and so exact in 32 bits
    layer = nn.Linear(384, 96, bias=False, device="meta")
    layer.weight = nn.Parameter(extremes, requires_grad=False)
    multiplied = Weights(layer, dtype, bits)
    products = [multiplied.multiply(levels[:rows].to(torch.uint8), 1.0, _MIDDLE) for rows in (1, len(levels))]
    return all(torch.allclose(each.float(), exact[: len(each)], rtol=torch.finfo(dtype).eps) for each in products)


def to_levels(x: torch.Tensor) -> Levels:
    """*x* (T, in) in 256 levels between its extremes and zero."""
    low, high = (float(extreme) for extreme in torch.aminmax(x))
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max((high - low) / _LEVELS, _SMALLEST_SCALE)
    zero_point = round(-low / scale)
    levels = torch.mul(x.float(), 1 / scale).add_(zero_point).round_().clamp_(0, _LEVELS)
    return _as_bytes(levels), scale, zero_point


def _as_bytes(levels: torch.Tensor) -> torch.Tensor:
    """From whole numbers in 32 bits. Straight to uint8 PyTorch takes one number at a time, by this way many."""
    return levels.to(torch.int16).to(torch.uint8)


def quantise(net: Any, bits: int) -> None:
    """Replace the layers of *net*, a `WhisperForConditionalGeneration` on the CPU, that are worth it.

    Their weights have *bits*, one of WEIGHT_BITS.
    """
    for layer in net.model.encoder.layers:
        _replace(bits, layer.self_attn, "q_proj", "k_proj", "v_proj", "out_proj")
        _replace(bits, layer, "fc1", "fc2")
    for layer in net.model.decoder.layers:
        _replace(bits, layer.encoder_attn, "k_proj", "v_proj")
    net.proj_out = RowLinear(net.proj_out, bits)


def _replace(bits: int, module: nn.Module, *names: str) -> None:
    for name in names:
        setattr(module, name, WindowLinear(getattr(module, name), bits))
