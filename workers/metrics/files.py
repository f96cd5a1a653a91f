"""Lets all processes of one worker share their metrics through files, which one of them reads."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from billiard.process import current_process
from prometheus_client import CollectorRegistry, values
from prometheus_client.multiprocess import MultiProcessCollector

from schema.core.disk import make_private_folder

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
"""Where `prometheus_client` finds the folder."""
MAIN = "main"


def share_metrics(folder: Path) -> None:
    """Keep the metrics of this process and its children in *folder*, which is emptied. Call it before any metric is
    made.

    A file belongs to a place in the pool, not to a process id. So the process that replaces a dead one counts on in its
    file, and there are never more files than places.
    """
    shutil.rmtree(folder, ignore_errors=True)
    make_private_folder(folder)
    os.environ[FOLDER_VARIABLE] = str(folder)
    # The way that prometheus_client names for processes that are not known by their ids.
    values.ValueClass = values.MultiProcessValue(_place)  # type: ignore[no-untyped-call]


def shared_registry() -> CollectorRegistry | None:
    """A registry that adds up the metrics of all processes of this worker; None if they share none."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder is None or not Path(folder).is_dir():
        return None
    registry = CollectorRegistry()
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return registry


def _place() -> str:
    index = getattr(current_process(), "index", None)
    return MAIN if index is None else str(index)
