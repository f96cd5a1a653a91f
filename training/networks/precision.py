"""In which arithmetic a model trains: the serving code's precisions, and what training asks on top.

A quantised or 16-bit base stays as it is and the adapter learns in 32 bits. With method `full` the weights that learn
stay in 32 bits whatever they compute in: in 16 bits most steps would be rounded away.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from schema.core.errors import InvalidConfig
from training.runs.config import Config

QUANTISED = ("int8", "int4")
HALF = (torch.bfloat16, torch.float16)


def base_precision(config: Config) -> str:
    """In which precision the serving code is to load the base. Raises InvalidConfig for one that cannot train."""
    if config.method.kind != "full":
        return config.precision
    if config.precision in QUANTISED:
        raise InvalidConfig(
            f"method full cannot train weights of precision {config.precision}: they are rounded to a few levels. "
            "Use method lora or adalora, or precision bfloat16 or float32."
        )
    return "float32"


def trains_here(net: Any) -> Any:
    """*net*, its 4-bit layers kept in the layout that has a gradient.

    bitsandbytes 0.50 packs nf4 weights anew at the first pass without gradient on a CPU; the product with packed
    weights has no backward, and in-place sums on it fail in later steps.
    """
    for module in net.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False
    return net


def mixed(dtype: torch.dtype, device: str) -> AbstractContextManager[object]:
    """Products of matrices in *dtype* where that is a 16-bit type, what is delicate in 32 bits."""
    if dtype not in HALF:
        return nullcontext()
    return torch.autocast(device.partition(":")[0], dtype)
