"""Which tests go to which process of `make test`, and in which order.

Tests that share a stack stay together, as do those of a file. What takes long begins first; the small files come last
and fill up whichever process is free, so that all end at about the same time.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from xdist.scheduler import LoadScopeScheduling

TOGETHER = ("tests/faults", "tests/e2e", "tests/api/openai")
"""Folders whose tests run on one stack."""
FIRST = (
    "tests/faults",
    "tests/workers",
    "tests/e2e",
    "tests/api/openai",
    "tests/api/cli",
    "tests/api/client",
    "tests/deploy",
)
"""A folder whose stack mostly waits for speech to pass, then those that compute beside it, then the other stacks."""


class Schedule(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out folders of `TOGETHER` and single files, each whole, in the order of collection."""

    def __init__(self, config: pytest.Config, log: Callable[..., None] | None = None) -> None:
        config.option.loadscopereorder = False
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def group(nodeid: str) -> str:
    """What goes to one process as a whole with the test of *nodeid*."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if file.startswith(f"{folder}/")), file)


def rank(item: pytest.Item) -> int:
    """Where *item* stands in the order of folders; within one, tests stay as they were collected."""
    for place, folder in enumerate(FIRST):
        if item.nodeid.startswith(f"{folder}/"):
            return place
    return len(FIRST)
