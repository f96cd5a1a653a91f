"""One stack for all faults: each test kills what it is about and leaves it running; it ends with the last."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hall import ALL_BUT_FLOWER, Hall, hall

BACKLOG_S = 45
"""More than a live meeting of these tests lasts; a file is longer, so that its decoder has to wait."""


@pytest.fixture(scope="package")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """On SQLite, everything but Flower."""
    variables = {"MINUTEBOOK_BACKLOG_LIMIT_S": str(BACKLOG_S)}
    with hall(tmp_path_factory.mktemp("faults"), (*ALL_BUT_FLOWER, "ingest"), variables) as opened:
        yield opened
