"""A desk of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from schema.core import migrate
from schema.core.database import Database
from tests.workers.ingest.desk import Desk


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'm.db'}")
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def desk(database: Database, redis_client: Redis, tmp_path: Path) -> Desk:
    return Desk(database, redis_client, str(tmp_path / "files"))
