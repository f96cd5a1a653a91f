"""What libraries keep of a process's memory, held within bounds.

Windows differ in length, so a model computes with thousands of shapes. oneDNN compiles a kernel for each of them and
keeps the last 1024; those lie between the tensors that come and go, so that what is freed around them does not go back
to the system. glibc gives every thread such a heap of its own.
"""

from __future__ import annotations

import ctypes
import os

KERNELS = 128
"""As many as steps of files and of live meetings use over and over; others are compiled again, in a fraction of a
millisecond each."""
HEAPS = 1
_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""


def bound() -> None:
    """For this process, from now on: to be called before it computes and starts threads.

    What the environment says (`ONEDNN_PRIMITIVE_CACHE_CAPACITY`, `MALLOC_ARENA_MAX`) goes before.
    """
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", str(KERNELS))
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have no such heaps
    if mallopt is not None and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt(_M_ARENA_MAX, HEAPS)


def give_back() -> None:
    """What was freed goes back to the system, also from between what is in use. With glibc; nothing elsewhere."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
