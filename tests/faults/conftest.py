"""One stack for all fault tests. Each test disturbs it and leaves it running for the next."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.running_stack import ALL_BUT_FLOWER, RunningStack, running_stack

BACKLOG_S = 45
"""Longer than the live meetings of these tests, and shorter than the file, so that its decoder has to wait."""


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """A stack on SQLite with everything but Flower.

    A model writes the notes, which takes seconds, so that its worker can be killed meanwhile.
    """
    variables = {"MINUTEBOOK_BACKLOG_LIMIT_S": str(BACKLOG_S), "MINUTEBOOK_SUMMARY_SHIPPED": "true"}
    with running_stack(tmp_path_factory.mktemp("faults"), (*ALL_BUT_FLOWER, "ingest"), variables) as running:
        yield running
