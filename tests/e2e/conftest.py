"""The stack as `make up` runs it, on SQLite, with Flower."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hall import ALL_BUT_FLOWER, Hall, hall


@pytest.fixture(scope="package")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hall]:
    with hall(tmp_path_factory.mktemp("e2e"), (*ALL_BUT_FLOWER, "flower")) as opened:
        yield opened
