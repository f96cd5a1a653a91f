"""The precision in which a model trains: the serving code's precisions, and what training needs in addition.

A quantised or 16-bit base stays as it is, and the adapter learns in 32 bits. With method `full` the trained weights
stay in 32 bits whatever the computation uses, because 16 bits would round most steps away.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from schema.core.errors import InvalidConfig
from training.runs.config import RunConfig

QUANTISED = ("int8", "int4")
HALF = (torch.bfloat16, torch.float16)


def base_precision(config: RunConfig) -> str:
    """The precision in which the serving code must load the base. Raises InvalidConfig if it cannot be trained."""
    if config.method.kind != "full":
        return config.precision
    if config.precision in QUANTISED:
        raise InvalidConfig(
            f"method full cannot train weights of precision {config.precision}: quantised weights have too few levels. "
            "Use method lora or adalora, or precision bfloat16 or float32."
        )
    return "float32"


def prepare_for_training(net: Any) -> Any:
    """*net*, with its 4-bit layers kept in the layout that supports gradients.

    On a CPU, bitsandbytes 0.50 repacks nf4 weights at the first pass without gradient. The product with repacked
    weights has no backward pass, and in-place sums on it fail in later steps.
    """
    for module in net.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return net


def autocast(dtype: torch.dtype, device: str) -> AbstractContextManager[object]:
    """Autocast to *dtype* if it is a 16-bit type: matrix products use it, delicate operations stay in 32 bits."""
    if dtype not in HALF:
        return nullcontext()
    return torch.autocast(device.partition(":")[0], dtype)


def norms_in_32_bits(net: Any) -> None:
    """Convert norms to 32 bits: peft's AdaLoRA outputs 32 bits on quantised layers, which a 16-bit norm rejects on a
    CPU.
    """
    for module in net.modules():
        if isinstance(module, nn.LayerNorm):
            module.float()
