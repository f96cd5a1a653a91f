"""A sender of webhooks on each kind of database, and a receiver of webhooks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from schema.core import migrate
from schema.core.database import Database
from tests.databases import fresh_postgres
from tests.workers.webhooks.outbox import ATTEMPTS, ManualClock
from tests.workers.webhooks.receiver import WebhookReceiver, receiving
from workers.webhooks.delivery import WebhookSender


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    if request.param == "sqlite":
        database = Database(f"sqlite:///{tmp_path / 'minutebook.db'}")
    else:
        database = Database(fresh_postgres(request.getfixturevalue("postgres_url"), "webhook_tests"))
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sender(database: Database, clock: ManualClock) -> WebhookSender:
    return WebhookSender(database=database, attempts_limit=ATTEMPTS, allow_private=True, clock=clock)
