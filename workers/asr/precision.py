"""In which arithmetic a model runs, and whether this machine can."""

from __future__ import annotations

import logging
from typing import Any

import torch

from schema.errors import UnknownPrecision, UnsupportedPrecision

PRECISIONS = ("float32", "bfloat16", "float16", "int8", "int4")
_FAST_BFLOAT16 = ("avx512_bf16", "amx_bf16")


def choose_device(device: str) -> str:
    """`auto` is CUDA where there is one. Raises UnsupportedPrecision for CUDA asked for and absent."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise UnsupportedPrecision(f"No CUDA device is here for device {device!r}. Use device 'cpu' or 'auto'.")
    return device


def choose_precision(precision: str, device: str) -> str:
    """A member of PRECISIONS. `auto` is the fastest that keeps Whisper's words: 16 bits where the machine has them.

    Raises UnknownPrecision.
    """
    if precision == "auto":
        return _fastest(device)
    if precision not in PRECISIONS:
        raise UnknownPrecision(f"Unknown precision {precision!r}. Use auto, {', '.join(PRECISIONS)}.")
    return precision


def _fastest(device: str) -> str:
    if device.startswith("cuda"):
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    return "bfloat16" if _cpu_flags().intersection(_FAST_BFLOAT16) else "float32"


def _cpu_flags() -> frozenset[str]:
    """Names of the CPU's abilities, empty where the system does not tell."""
    try:
        with open("/proc/cpuinfo") as lines:
            return frozenset(next((line for line in lines if line.startswith("flags")), "").split())
    except OSError:
        return frozenset()


def compute_dtype(precision: str, device: str) -> torch.dtype:
    """The type of activations: a quantised model computes in what `auto` would choose."""
    name = _fastest(device) if precision in ("int8", "int4") else precision
    if precision == "int8" and device.startswith("cuda"):
        name = "float16"  # what bitsandbytes multiplies in; anything else is cast for every layer
    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    return dtypes[name]


def quantisation(precision: str, dtype: torch.dtype) -> Any:
    """What `from_pretrained` needs for bitsandbytes, or None. Raises UnsupportedPrecision without bitsandbytes."""
    if precision not in ("int8", "int4"):
        return None
    try:
        import bitsandbytes  # noqa: F401
        from transformers import BitsAndBytesConfig
    except ImportError as error:
        raise UnsupportedPrecision(
            f"Precision {precision} needs bitsandbytes, which does not load here: {error}. Use bfloat16 or float32."
        ) from error
    # It notes, at every layer of every step, that it casts its input.
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    options: dict[str, Any] = {"load_in_8bit": True}
    if precision == "int4":
        options = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4", "bnb_4bit_compute_dtype": dtype}
    # The output layer shares the embedding's weights, which stay as they are.
    return BitsAndBytesConfig(**options, llm_int8_skip_modules=["proj_out"])  # type: ignore[no-untyped-call]
