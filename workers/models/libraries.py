"""Limits on libraries in our processes: the memory that they keep, and a warning that they log.

Windows differ in length, so a model computes with thousands of shapes. oneDNN compiles a kernel for each of them and
keeps the last 1024. Those lie between the tensors on the heap, so the memory freed around them cannot go back to the
system. glibc gives every thread a heap of its own, on which the same happens.
"""

from __future__ import annotations

import ctypes
import logging
import os

KERNELS = 128
"""The number of kernels to keep: as many as steps of files and live meetings use again and again. Others are compiled
again when needed, in a fraction of a millisecond each."""
HEAPS = 1
"""The number of heaps that glibc may use."""
FREED_BYTES = 1 << 30
"""How much freed memory a training process keeps for its next step. It must be less than 2 GiB."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Parameters of `mallopt`, from glibc's malloc.h."""
_LARGEST_MMAP_THRESHOLD = 32 << 20
"""The largest value that glibc accepts. Its own threshold rises up to this by itself."""


def bound_memory() -> None:
    """Limit the memory that oneDNN and glibc keep in this process. Call it before computing and starting threads.

    The environment variables `ONEDNN_PRIMITIVE_CACHE_CAPACITY` and `MALLOC_ARENA_MAX` take precedence.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS))
    if "MALLOC_ARENA_MAX" not in os.environ:
        _set(_M_ARENA_MAX, HEAPS)


def keep_freed_memory() -> None:
    """Keep up to `FREED_BYTES` of freed memory at the end of the heap in this process, until `give_back_memory`.

    Each training step allocates and frees the same hundreds of megabytes. If they went back to the system, it would
    clear every page again, which takes a tenth of a training step of Whisper tiny.en.
    """
    if not {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"} & os.environ.keys():
        _set(_M_TRIM_THRESHOLD, FREED_BYTES)
        _set(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)


def _set(parameter: int, value: int) -> None:
    """Set a parameter of glibc's heap. Other C libraries do not have it, and nothing happens."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(parameter, value)


def give_back_memory() -> None:
    """Return all freed memory to the system, even from between blocks in use. Without glibc nothing happens."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


_LOGGER = "bitsandbytes.backends.cpu.ops"
_ADVICE = "Failed to load CPU gemm_4bit_forward from kernels-community"
"""bitsandbytes logs this when it is imported on a CPU with AVX-512 BF16, even if no model is quantised. Its advice
would fetch code from a hub. Without that, 4 bits work as on other processors."""


def leave_out_advice() -> None:
    """Hide that warning in this process. Call it before bitsandbytes is imported, which PEFT does."""
    logging.getLogger(_LOGGER).addFilter(_is_no_advice)


def _is_no_advice(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_ADVICE)
