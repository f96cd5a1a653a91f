"""A rig for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from schema.core import migrate
from schema.core.database import Database
from tests.workers.ingest.ingest_rig import IngestRig


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'm.db'}")
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def rig(database: Database, redis_client: Redis, tmp_path: Path) -> IngestRig:
    return IngestRig(database, redis_client, str(tmp_path / "files"))
