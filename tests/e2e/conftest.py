"""A stack as `make up` runs it, on SQLite, with Flower."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.running_stack import ALL_BUT_FLOWER, RunningStack, running_stack


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    with running_stack(tmp_path_factory.mktemp("e2e"), (*ALL_BUT_FLOWER, "ingest", "flower")) as running:
        yield running
