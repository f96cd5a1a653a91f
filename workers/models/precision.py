"""In which arithmetic a model runs, and whether this machine can."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import torch

from schema.core.errors import UnknownPrecision, UnsupportedPrecision
from schema.core.settings import Precision

PRECISIONS = tuple(name for name in get_args(Precision) if name != "auto")
FAST_BFLOAT16 = ("avx512_bf16", "amx_bf16")
NARROW = ("DEFAULT", "AVX2")
"""PyTorch's names for a processor that computes 256 bits at a time at most."""
BEYOND_AVX2 = ("avx512", "avx_vnni", "amx")


def choose_device(device: str) -> str:
    """`auto` is CUDA where there is one. Raises UnsupportedPrecision for a device asked for and absent."""
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # the latter from a torch that was built without it
        raise UnsupportedPrecision(
            f"Device {device!r} is not here: {one_line(error)}. Use device 'cpu' or 'auto'."
        ) from error
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
    return "bfloat16" if cpu_flags().intersection(FAST_BFLOAT16) and _onednn_has_bfloat16() else "float32"


def _onednn_has_bfloat16() -> bool:
    """Whether oneDNN may multiply 16 bits: `ONEDNN_MAX_CPU_ISA` can forbid it. Without it 32 bits are much faster."""
    ask = getattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported", None)  # private; believed if it is there
    return ask is None or bool(ask())


def cpu_flags() -> frozenset[str]:
    """Names of the CPU's abilities that PyTorch may use, empty where the system does not tell.

    `ATEN_CPU_CAPABILITY=avx2` takes the wider ones from PyTorch.
    """
    try:
        with open("/proc/cpuinfo") as lines:
            flags = next((line for line in lines if line.startswith("flags")), "").split()
    except OSError:
        return frozenset()
    narrow = torch.backends.cpu.get_cpu_capability() in NARROW
    return frozenset(flag for flag in flags if not (narrow and flag.startswith(BEYOND_AVX2)))


def compute_dtype(precision: str, device: str) -> torch.dtype:
    """The type of activations: a quantised model computes in what `auto` would choose."""
    name = _fastest(device) if precision in ("int8", "int4") else precision
    if precision == "int8" and device.startswith("cuda"):
        name = "float16"  # what bitsandbytes multiplies in; anything else is cast for every layer
    dtypes = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    return dtypes[name]


def quantisation(precision: str, dtype: torch.dtype, device: str, keep: Sequence[str] | None = None) -> Any:
    """What `from_pretrained` needs for bitsandbytes, or None. Layers named in *keep* are left as they are.

    Tried out on one small layer first: what is wrong with the library or the device then shows at once, not in the
    middle of a meeting. Raises UnsupportedPrecision.
    """
    if precision not in ("int8", "int4"):
        return None
    # It notes, at every layer of every step, that it casts its input.
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    try:
        from transformers import BitsAndBytesConfig

        _try_out(precision, dtype, device)
    except (ImportError, OSError, RuntimeError) as error:
        raise UnsupportedPrecision(
            f"Precision {precision} needs bitsandbytes, which does not work here on {device}: {one_line(error)}. "
            "Run: pip install --force-reinstall --no-deps bitsandbytes, or use precision bfloat16 or float32."
        ) from error
    options: dict[str, Any] = {"load_in_8bit": True}
    if precision == "int4":
        options = {
            "load_in_4bit": True,
            "bnb_4bit_quant_type": "nf4",
            "bnb_4bit_use_double_quant": True,
            "bnb_4bit_compute_dtype": dtype,
        }
    return BitsAndBytesConfig(**options, llm_int8_skip_modules=keep)  # type: ignore[no-untyped-call]


def _try_out(precision: str, dtype: torch.dtype, device: str) -> None:
    """Quantise a layer and multiply by it once, as one row and as many: they are different code."""
    from bitsandbytes.nn.modules import Linear4bit, Linear8bitLt

    layer: Any
    if precision == "int8":
        layer = Linear8bitLt(64, 64, has_fp16_weights=False)
    else:
        layer = Linear4bit(64, 64, compute_dtype=dtype, quant_type="nf4")  # type: ignore[no-untyped-call]
    layer = layer.to(device).requires_grad_(False)
    with torch.inference_mode():
        layer(torch.ones(1, 64, dtype=dtype, device=device))
        layer(torch.ones(8, 64, dtype=dtype, device=device)).sum().item()  # waits for the device, and so for its error


def not_loaded(folder: Path, precision: str, device: str, error: Exception) -> UnsupportedPrecision:
    """The error for a sound model in *folder* that this machine cannot hold or run."""
    remedy = "Use bfloat16 or float32"
    if isinstance(error, torch.OutOfMemoryError) or "allocate memory" in str(error):
        remedy = "Free memory there, use a lower precision (int8, int4) or a smaller model"
    return UnsupportedPrecision(f"{folder} does not load in {precision} on {device}: {one_line(error)}. {remedy}.")


def one_line(error: Exception) -> str:
    """The libraries explain themselves at length and in paragraphs."""
    return " ".join(str(error).split())[:300].rstrip(".")
