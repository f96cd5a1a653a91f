"""A sender of webhooks on each kind of database, a receiver, and the rows of the outbox."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from schema.core import migrate
from schema.core.database import Database
from schema.core.states import WebhookEvent
from schema.core.tables import now
from schema.webhooks.outbox import Delivery, Webhook, announce, new_secret
from tests.servers import fresh_postgres
from tests.workers.webhooks.receiver import WebhookReceiver, receiving
from workers.webhooks.delivery import WebhookSender

ATTEMPTS = 3
SECRET = new_secret()


class ManualClock:
    """A clock that a test moves on. It starts a minute ahead, so that messages of the test are due."""

    def __init__(self) -> None:
        self.at = now() + timedelta(seconds=60)

    def __call__(self) -> datetime:
        return self.at

    def pass_s(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def add_webhook(database: Database, url: str, name: str = "wh_1", owner: str = "local", *events: WebhookEvent) -> str:
    with database.write() as session:
        session.add(Webhook(id=name, owner=owner, url=url, events=list(events or WebhookEvent), secret=SECRET))
    return name


def tell(database: Database, meeting_id: str = "m", owner: str = "local") -> None:
    with database.write() as session:
        announce(session, owner, WebhookEvent.MEETING_FINISHED, {"meeting_id": meeting_id})


def send_due(sender: WebhookSender) -> int:
    """Send one batch. Returns how many messages it had."""
    messages = sender.claim()
    sender.send(messages)
    return len(messages)


def deliveries(database: Database) -> list[Delivery]:
    with database.read() as session:
        return list(session.scalars(select(Delivery).order_by(Delivery.id)))


def only(database: Database) -> Delivery:
    (delivery,) = deliveries(database)
    return delivery


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
