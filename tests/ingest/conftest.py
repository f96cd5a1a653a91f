"""A desk of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from schema import migrate
from schema.database import Database
from tests.ingest.desk import Desk


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'm.db'}")
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def desk(database: Database, redis_client: Redis, tmp_path: Path) -> Desk:
    return Desk(database, redis_client, str(tmp_path / "files"))
