"""Applies several linear layers to one input, and does the work that they share once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from workers.asr.adapters import project
from workers.asr.kernels.int8 import WindowLinear, to_levels
from workers.asr.kernels.packed import PackedLinear


def project_all(layers: Sequence[Any], x: torch.Tensor, adapters: Sequence[str] | None) -> Sequence[torch.Tensor]:
    """The results of `project` for each of *layers*, in their order.

    Layers in 8 bits convert *x* only once. Layers that were packed together are computed as one product.
    """
    bases = [layer.__dict__["_modules"].get("base_layer", layer) for layer in layers]
    if adapters is None and all(isinstance(base, WindowLinear) for base in bases):
        windows = [to_levels(row) for row in x]
        return [base.multiply(windows) for base in bases]
    if adapters is None and all(isinstance(base, PackedLinear) and base.product is bases[0].product for base in bases):
        parts = bases[0].product.multiply(x)
        return [parts[base.place] for base in bases]
    return [project(layer, x, adapters) for layer in layers]
