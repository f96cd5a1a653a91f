"""Chooses Whisper's kernels for this machine, and says why a faster one is left out.

PyTorch's operators behind 8-bit and packed layers are private: a release may drop or change them. Without VNNI they
multiply 8 bits wrongly. So each operator is tried on a small layer before a model is loaded.

`python -m workers.asr.kernels.kernel_choice PRECISION DEVICE` prints the choice as JSON for `minutebook doctor`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch

from schema.core.errors import MinutebookError, UnsupportedPrecision
from workers.asr.kernels import int8, packed
from workers.asr.kernels.int8 import INT8_DYNAMIC, WEIGHT_BITS, pays_here
from workers.models.precision import choose_device, choose_precision, compute_dtype, one_line

REMEDY = "install torch as requirements/torch.lock names it"


@dataclass(frozen=True, slots=True)
class Kernels:
    """The choice for one device."""

    precision: str
    """`int8_dynamic`, or a member of PRECISIONS."""
    base_precision: str
    """The precision of all layers that are not in 8 bits."""
    device: str
    weight_bits: int = 0
    """The bits of a weight in `int8_dynamic`; 0 if no layer is in 8 bits."""
    packed: bool = False
    """Whether the decoder's 16-bit layers are packed."""
    warnings: tuple[str, ...] = ()
    """Faults of kernels that should work here."""
    note: str = ""
    """Why 8 bits do not pay on this processor."""

    @property
    def dtype(self) -> torch.dtype:
        return compute_dtype(self.base_precision, self.device)

    def __str__(self) -> str:
        if not self.weight_bits:
            return f"{self.base_precision} on {self.device}"
        packed_too = ", the decoder's layers packed" if self.packed else ""
        return f"8-bit activations and {self.weight_bits}-bit weights, the rest in {self.base_precision}{packed_too}"


def choose_kernels(precision: str, device: str) -> Kernels:
    """The kernels for the requested *precision*. Raises UnknownPrecision, UnsupportedPrecision.

    `auto` leaves out a kernel that does not work. `int8_dynamic` is refused if it does not work.
    """
    if precision == INT8_DYNAMIC:
        return _eight_bits(device)
    plain = choose_precision(precision, device)
    if precision != "auto" or device != "cpu":
        return Kernels(plain, plain, device)
    if not pays_here():
        note = "8 bits are not used: they pay on a processor with VNNI and without AMX"
        return Kernels(plain, plain, device, note=note)
    bits, fault = _weight_bits(compute_dtype(plain, device))
    if bits < max(WEIGHT_BITS):
        return Kernels(plain, plain, device, warnings=(f"8 bits are not used: {fault}",))
    return _with_packing(bits, device)


def _eight_bits(device: str) -> Kernels:
    if device != "cpu":
        raise UnsupportedPrecision(f"Precision {INT8_DYNAMIC} is for a CPU, not for {device}. Use int8 or bfloat16.")
    bits, fault = _weight_bits(compute_dtype(choose_precision("auto", device), device))
    if not bits:
        raise UnsupportedPrecision(
            f"Precision {INT8_DYNAMIC} does not work here: {fault}. Use bfloat16 or float32, or {REMEDY}."
        )
    reduced = (f"precision {INT8_DYNAMIC} has weights of {bits} bits here: {fault}",) if fault else ()
    return _with_packing(bits, device, reduced)


def _with_packing(bits: int, device: str, warnings: tuple[str, ...] = ()) -> Kernels:
    base = choose_precision("auto", device)
    packs = base == "bfloat16"
    fault = _fault(packed.is_exact) if packs else None
    if fault is not None:
        packs, warnings = False, (*warnings, f"the decoder's layers are not packed: {fault}")
    return Kernels(INT8_DYNAMIC, base, device, weight_bits=bits, packed=packs, warnings=warnings)


def _weight_bits(dtype: torch.dtype) -> tuple[int, str]:
    """The most bits of a weight with which products are exact, or 0, and the fault of more bits."""
    # Most layers compute in the model's own type, the output layer in 32 bits. oneDNN has different code for each.
    faults: list[str] = []
    for bits in WEIGHT_BITS:
        tried = [_fault(partial(int8.is_exact, bits, each)) for each in {torch.float32, dtype}]
        found = [fault for fault in tried if fault is not None]
        if not found:
            return bits, "without VNNI, oneDNN cuts off sums of 8-bit products" if faults else ""
        faults += found
    return 0, faults[-1]


def _fault(is_exact: Callable[[], bool]) -> str | None:
    try:
        return None if is_exact() else "the products of PyTorch's operators are wrong"
    except (AttributeError, RuntimeError, TypeError) as error:  # missing, unsupported on this processor, or changed
        return f"PyTorch's operators do not work: {one_line(error)}"


def main() -> int:
    """Print the choice. The exit status is 1 if there is none."""
    precision, device = sys.argv[1:]
    try:
        kernels = choose_kernels(precision, choose_device(device))
    except MinutebookError as error:
        print(json.dumps({"error": error.detail}))
        return 1
    print(json.dumps({"used": str(kernels), "note": kernels.note, "warnings": kernels.warnings}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
