"""Whisper in 8 bits on a CPU: the processor's VNNI instructions multiply 8-bit weights and activations.

Without VNNI, oneDNN adds products of unsigned and signed bytes in pairs. Each sum has 16 bits and is cut off at their
limit. Two products with 8-bit weights can exceed the limit (2 * 255 * 127); two with 7-bit weights cannot
(2 * 255 * 63). So on such processors weights have 7 bits and activations keep 8. On 53 LibriSpeech clips, tiny.en then
has a word error rate of 13.3 %. It has 15.7 % with 7-bit activations, and 13.2 % in 32 bits.

PyTorch scales a whole input by one number. The encoder, and the keys and values that the decoder computes from the
audio, are therefore multiplied window by window. So a window gives the same result in a batch as alone. The output
layer over the vocabulary, which has most of the decoder's weights, scales each row by itself. Everything else computes
in the model's own type: bfloat16 where the processor multiplies it, else 32 bits.
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
"""The most exact first. 8 bits need VNNI; every processor multiplies 7 bits correctly."""
_LARGEST, _MIDDLE, _LEVELS = 127, 128, 255
_SMALLEST_SCALE = 1e-9
Levels = tuple[torch.Tensor, float, int]
"""A window (T, in) as uint8, the step between two levels, and the level that stands for zero."""


def pays_here() -> bool:
    """Whether 8 bits are the fastest on this processor. With AMX there is little to gain."""
    flags = cpu_flags()
    return bool(flags.intersection(_VNNI)) and _AMX not in flags


class WindowLinear(nn.Linear):
    """A linear layer with weights of *bits* bits. Each output and each window of the input (B, T, in) has its scale.

    `weight` has the shape but no memory: PEFT asks for its type, and nothing else reads it.
    """

    def __init__(self, layer: nn.Linear, bits: int) -> None:
        super().__init__(layer.in_features, layer.out_features, bias=False, device="meta")
        shape = (layer.out_features, layer.in_features)
        self.weight = nn.Parameter(torch.zeros(1, dtype=layer.weight.dtype).expand(shape), requires_grad=False)
        self._weights = Weights(layer, layer.weight.dtype, bits)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.multiply([to_levels(row) for row in x])

    def multiply(self, windows: Sequence[Levels]) -> torch.Tensor:
        """The outputs (B, T, out) for windows that are in 8 bits already."""
        rows = [self._weights.multiply(*window) for window in windows]
        return rows[0][None] if len(rows) == 1 else torch.stack(rows)


class RowLinear(nn.Module):
    """A linear layer with weights of *bits* bits. Each output and each row of the input (..., in) has its scale.

    The output is in 32 bits, whatever the model's type is.
    """

    def __init__(self, layer: nn.Linear, bits: int) -> None:
        super().__init__()
        self.weight = layer.weight  # shared with the embedding
        self._weights = Weights(layer, torch.float32, bits)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1]).float()
        scales = (rows.abs().amax(-1, keepdim=True) / _LARGEST).clamp(min=_SMALLEST_SCALE)
        levels = (rows / scales).round_().add_(_MIDDLE)
        return self._weights.multiply(_as_bytes(levels), 1.0, _MIDDLE).mul_(scales).view(*x.shape[:-1], -1)


class Weights:
    """Weights (out, in) of *bits* bits with a scale for each output, packed for oneDNN, and the bias.

    Products have the type *dtype*.
    """

    def __init__(self, layer: nn.Linear, dtype: torch.dtype, bits: int) -> None:
        weight = layer.weight.float()
        self._scales = (weight.abs().amax(1) / largest_weight(bits)).clamp(min=_SMALLEST_SCALE)
        levels = (weight / self._scales[:, None]).round().to(torch.int8)
        self._packed = torch.ops.onednn.qlinear_prepack(levels, None)
        self._zero_points = torch.zeros(len(levels), dtype=torch.int64)
        self._bias = None if layer.bias is None else layer.bias.float()
        self._dtype = dtype

    def multiply(self, levels: torch.Tensor, scale: float, zero_point: int) -> torch.Tensor:
        """The outputs (T, out) for uint8 *levels* (T, in), which stand for (level - zero_point) * scale."""
        product: torch.Tensor = torch.ops.onednn.qlinear_pointwise(
            levels, scale, zero_point, self._packed, self._scales, self._zero_points, self._bias,
            1.0, 0, self._dtype, "none", [], "",
        )  # fmt: skip
        return product


def largest_weight(bits: int) -> int:
    return int(2 ** (bits - 1)) - 1


def is_exact(bits: int, dtype: torch.dtype) -> bool:
    """Whether products with the largest weights of *bits* bits are exact here.

    One row and many rows are both tried, since they run different code. Raises PyTorch's own errors if its operators,
    which are private, are missing or take other arguments.
    """
    drawn = torch.Generator().manual_seed(1)
    weights = torch.randint(0, 2, (96, 384), generator=drawn) * 2 - 1
    weights[0], weights[1] = 1, -1
    levels = torch.randint(0, _LEVELS + 1, (50, 384), generator=drawn)
    levels[0] = _LEVELS
    extremes = weights.float() * largest_weight(bits)
    exact = (levels.float() - _MIDDLE) @ extremes.T  # below 2**24, so exact in 32 bits
    layer = nn.Linear(384, 96, bias=False, device="meta")
    layer.weight = nn.Parameter(extremes, requires_grad=False)
    multiplied = Weights(layer, dtype, bits)
    products = [multiplied.multiply(levels[:rows].to(torch.uint8), 1.0, _MIDDLE) for rows in (1, len(levels))]
    return all(torch.allclose(each.float(), exact[: len(each)], rtol=torch.finfo(dtype).eps) for each in products)


def to_levels(x: torch.Tensor) -> Levels:
    """*x* (T, in) rounded to 256 levels, whose range covers its extremes and zero."""
    low, high = (float(extreme) for extreme in torch.aminmax(x))
    low, high = min(low, 0.0), max(high, 0.0)
    scale = max((high - low) / _LEVELS, _SMALLEST_SCALE)
    zero_point = round(-low / scale)
    levels = torch.mul(x.float(), 1 / scale).add_(zero_point).round_().clamp_(0, _LEVELS)
    return _as_bytes(levels), scale, zero_point


def _as_bytes(levels: torch.Tensor) -> torch.Tensor:
    """Convert whole numbers in 32 bits. PyTorch converts them to uint8 one by one, but many at once via int16."""
    return levels.to(torch.int16).to(torch.uint8)


def quantise(net: Any, bits: int) -> None:
    """Replace those layers of *net*, a `WhisperForConditionalGeneration` on the CPU, for which 8 bits pay.

    Their weights have *bits* bits, one of WEIGHT_BITS.
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
