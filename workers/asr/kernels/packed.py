"""The decoder's 16-bit linear layers on a CPU, with weights packed once in the order that oneDNN needs.

oneDNN packs weights in their usual order again for every product. A decoding step has few rows, so this takes about a
third of its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

USUAL_ROWS = 16
"""oneDNN chooses the order for this number of rows. Products may have any number."""


class Product:
    """The linear *layers*, which have the same input, side by side: (..., in) to (..., sum of their outputs)."""

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        biases: list[torch.Tensor] = [
            layer.weight.new_zeros(layer.out_features) if layer.bias is None else layer.bias for layer in layers
        ]
        weights: list[torch.Tensor] = [layer.weight for layer in layers]
        self.sizes = [layer.out_features for layer in layers]
        self._weight = torch.ops.mkldnn._reorder_linear_weight(torch.cat(weights), USUAL_ROWS)
        self._bias = torch.cat(biases)

    def multiply(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """The output of each layer for *x* (..., in)."""
        together: torch.Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, "none", [], "")
        return tuple(together.split_with_sizes(self.sizes, -1)) if len(self.sizes) > 1 else (together,)


class PackedLinear(nn.Linear):
    """The layer at index *place* of a product.

    `weight` has the shape but no memory: PEFT asks for its type, and nothing else reads it.
    """

    def __init__(self, layer: nn.Linear, product: Product, place: int) -> None:
        super().__init__(layer.in_features, layer.out_features, bias=False, device="meta")
        shape = (layer.out_features, layer.in_features)
        self.weight = nn.Parameter(torch.zeros(1, dtype=layer.weight.dtype).expand(shape), requires_grad=False)
        self.product = product
        self.place = place

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.product.multiply(x)[self.place]


def is_exact() -> bool:
    """Whether packed layers multiply small whole numbers exactly here, in one row and in many.

    Raises PyTorch's own errors if its operators, which are private, are missing or take other arguments.
    """
    drawn = torch.Generator().manual_seed(1)
    layers = [_whole_numbers(width, drawn) for width in (96, 32)]
    layers[0].bias = nn.Parameter(torch.arange(96).bfloat16(), requires_grad=False)
    product = Product(layers)
    x = torch.randint(-1, 2, (50, 64), generator=drawn).bfloat16()
    exact = [nn.functional.linear(x.float(), *_in_32_bits(layer)) for layer in layers]
    return all(
        torch.equal(near.float(), wanted[:rows])
        for rows in (1, len(x))
        for near, wanted in zip(product.multiply(x[:rows]), exact, strict=True)
    )


def _whole_numbers(width: int, drawn: torch.Generator) -> nn.Linear:
    """A layer with weights -1, 0 and 1. Sums of 64 products of such numbers are exact in 16 bits."""
    layer = nn.Linear(64, width, bias=False, device="meta")
    weight = torch.randint(-1, 2, (width, 64), generator=drawn).bfloat16()
    layer.weight = nn.Parameter(weight, requires_grad=False)
    return layer


def _in_32_bits(layer: nn.Linear) -> tuple[torch.Tensor, torch.Tensor | None]:
    return layer.weight.float(), None if layer.bias is None else layer.bias.float()


def pack(net: Any) -> None:
    """Replace the decoder's layers in *net*, a `WhisperForConditionalGeneration` in bfloat16 on the CPU."""
    for layer in net.model.decoder.layers:
        _replace(layer.self_attn, "q_proj", "k_proj", "v_proj")
        _replace(layer.self_attn, "out_proj")
        _replace(layer.encoder_attn, "q_proj")
        _replace(layer.encoder_attn, "out_proj")
        _replace(layer, "fc1")
        _replace(layer, "fc2")


def _replace(module: nn.Module, *names: str) -> None:
    """Pack the layers of those *names* into one product."""
    layers = [getattr(module, name) for name in names]
    product = Product(layers)
    for place, (name, layer) in enumerate(zip(names, layers, strict=True)):
        setattr(module, name, PackedLinear(layer, product, place))
