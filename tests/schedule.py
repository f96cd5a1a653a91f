"""Assigns tests to the processes of `make test`, in an order.

Tests that share a stack stay together, as do those of a file. Long ones start first. Small files come last and go to
whichever process is free, so that all processes end at about the same time.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/faults", "tests/e2e", "tests/api/openai", "tests/api/web", "tests/docs")
"""Folders whose tests run on one stack."""
FIRST = (
    "tests/faults",
    "tests/workers",
    "tests/e2e",
    "tests/api/openai",
    "tests/api/web",
    "tests/docs",
    "tests/api/cli",
    "tests/api/client",
    "tests/deploy",
)
"""First the stack that mostly waits for audio in real time, then folders that compute meanwhile, then other stacks."""


class Schedule(LoadScopeScheduling):  # type: ignore[misc]
    """Assigns each folder of `TOGETHER`, and each other file, to one process, in the order of collection."""

    def __init__(self, config: pytest.Config, log: Callable[..., None] | None = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def group(nodeid: str) -> str:
    """The folder or file that goes to one process together with the test *nodeid*."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)


def rank(item: pytest.Item) -> int:
    """The position of the folder of *item* in the order. Within a folder the order of collection is kept."""
    for place, folder in enumerate(FIRST):
        if item.nodeid.startswith(f"{folder}/"):
            return place
    return len(FIRST)
