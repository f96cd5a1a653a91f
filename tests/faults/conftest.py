"""One stack for all faults: each test kills what it is about and leaves it running; it ends with the last."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hall import Hall, hall


@pytest.fixture(scope="package")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    """On SQLite, everything but Flower."""
    with hall(tmp_path_factory.mktemp("faults")) as opened:
        yield opened
