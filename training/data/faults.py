"""What is wrong with a data set, with the file and line of each fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schema.core.errors import InvalidData

SHOWN_LIMIT = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """`reason` says what is wrong at `where` ("train.jsonl:12"), with the value and the remedy."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


def refused(faults: Sequence[Fault], more: int = 0, remedy: str = "mend them") -> InvalidData:
    """The error of *faults*, and of *more* that were found and not kept."""
    total = len(faults) + more
    lines = [str(fault) for fault in faults[:SHOWN_LIMIT]]
    if total > len(lines):
        lines.append(f"and {total - len(lines)} more")
    head = "1 example cannot be used" if total == 1 else f"{total} examples cannot be used"
    return InvalidData(f"{head}; {remedy}:\n" + "\n".join(lines), faults=total)
