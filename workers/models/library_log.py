"""What a library says in the log that helps nobody here, and is left out of it."""

from __future__ import annotations

import logging

_LOGGER = "bitsandbytes.backends.cpu.ops"
_ADVICE = "Failed to load CPU gemm_4bit_forward from kernels-community"
"""bitsandbytes says so wherever it is imported on a CPU with AVX-512 BF16, also for models that are not quantised. What
it advises would fetch code from a hub; without it 4 bits work as everywhere else."""


def leave_out_advice() -> None:
    """For this process, from now on: to be called before bitsandbytes is imported, which PEFT does."""
    logging.getLogger(_LOGGER).addFilter(_is_no_advice)


def _is_no_advice(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(_ADVICE)
