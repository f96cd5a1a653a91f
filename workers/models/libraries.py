"""How libraries behave in our processes: the memory that they keep, and the advice that they log.

Windows differ in length, so a model computes with thousands of shapes. oneDNN compiles a kernel for each of them and
keeps the last 1024; those lie between the tensors that come and go, so that what is freed around them does not go back
to the system. glibc gives every thread such a heap of its own.
"""

from __future__ import annotations

import ctypes
import logging
import os

KERNELS = 128
"""As many as steps of files and of live meetings use over and over; others are compiled again, in a fraction of a
millisecond each."""
HEAPS = 1
FREED_BYTES = 1 << 30
"""Of what a training step frees, so much stays with the process for the next one. Less than 2 GiB."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8
"""Of glibc's malloc.h."""
_LARGEST_MMAP_THRESHOLD = 32 << 20
"""Beyond this glibc takes none, and to this its own rises by itself."""


def bound_memory() -> None:
    """For this process, from now on: to be called before it computes and starts threads.

    What the environment says (`ONEDNN_PRIMITIVE_CACHE_CAPACITY`, `MALLOC_ARENA_MAX`) goes before.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS))
    if "MALLOC_ARENA_MAX" not in os.environ:
        _set(_M_ARENA_MAX, HEAPS)


def keep_freed_memory() -> None:
    """Up to `FREED_BYTES` at the heap's end stay with this process when they are freed, until `give_back_memory`.

    A step takes and frees the same hundreds of megabytes as the one before; the system clears every page that goes and
    comes, which is a tenth of a training step of Whisper tiny.en.
    """
    if not {"MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"} & os.environ.keys():
        _set(_M_TRIM_THRESHOLD, FREED_BYTES)
        _set(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)


def _set(parameter: int, value: int) -> None:
    """Of glibc's heap; other C libraries have no such one."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(parameter, value)


def give_back_memory() -> None:
    """What was freed goes back to the system, also from between what is in use. With glibc; nothing elsewhere."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


_LOGGER = "bitsandbytes.backends.cpu.ops"
_ADVICE = "Failed to load CPU gemm_4bit_forward from kernels-community"
"""bitsandbytes says so wherever it is imported on a CPU with AVX-512 BF16, also for models that are not quantised. What
it advises would fetch code from a hub; without it 4 bits work as everywhere else."""


def leave_out_advice() -> None:
    """For this process, from now on: to be called before bitsandbytes is imported, which PEFT does."""
    logging.getLogger(_LOGGER).addFilter(_is_no_advice)


def _is_no_advice(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_ADVICE)
