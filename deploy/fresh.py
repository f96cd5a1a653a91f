"""A stack that starts empty, with a data folder of its own. It shares only the models with other stacks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.datadir import DataDir
from deploy.supervisor import Stack

ROOT = Path(__file__).resolve().parent.parent
MODELS = ROOT / "var" / "models"
ELSEWHERE = ("REDIS_URL", "DATABASE_URL", "API_HOST", "API_PORT", "FLOWER_PORT", "FLOWER_URL", "METRICS_PORT", "AUTH")
"""Variables that would lead to another stack's server or data."""


@contextmanager
def fresh_stack(
    folder: Path,
    *,
    processes: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
    tell: Callable[[str], None] | None = None,
) -> Iterator[Stack]:
    """Empty *folder* and run a stack in it. Raises Conflict if a stack is running there, and what `Stack` raises.

    The first start unpacks the models, which takes a while. *tell* gets what the start waits for.
    """
    empty_folder(folder)
    for name in ELSEWHERE:
        os.environ.pop(f"MINUTEBOOK_{name}", None)
    overlay = {"MINUTEBOOK_MODEL_DIR": str(MODELS), **(environment or {})}
    with Stack(folder, environment=overlay, processes=processes, tell=tell, ready_within_s=300) as stack:
        yield stack


def empty_folder(folder: Path) -> None:
    """Remove the data of an earlier stack in *folder*. Raises Conflict if it is still running."""
    held = DataDir(folder)
    try:
        held.end_leftovers()
        for file in (*folder.glob("minutebook.db*"), *folder.glob("celerybeat*")):
            file.unlink()
        for kept in ("redis", "log"):
            shutil.rmtree(folder / kept, ignore_errors=True)
    finally:
        held.release()
