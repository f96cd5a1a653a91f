"""The outbox carried by real processes: beat wakes the courier, Celery runs it, a receiver gets the message."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from deploy.supervisor import Stack
from schema.core.database import Database
from schema.core.settings import Settings
from schema.webhooks.outbox import Delivery, DeliveryState
from tests.hall import eventually
from tests.workers.webhooks.outbox import SECRET, add_webhook, tell
from tests.workers.webhooks.receiver import receiving

pytestmark = pytest.mark.faults

PROCESSES = ("redis", "migrate", "ingest", "beat")


def test_a_message_arrives_though_its_receiver_was_away_at_first(tmp_path: Path) -> None:
    environment = {"MINUTEBOOK_WEBHOOK_PRIVATE": "1"}
    with receiving() as receiver, Stack(tmp_path / "stack", processes=PROCESSES, environment=environment) as stack:
        receiver.answers = [500, 204]
        database = Database(Settings(data_dir=stack.data_dir).sql_url)

        def is_delivered() -> bool:
            with database.read() as session:
                return session.scalars(select(Delivery.state)).one() == DeliveryState.DELIVERED

        add_webhook(database, receiver.url())
        tell(database)
        eventually("the message is delivered", is_delivered)
        database.close()
    first, second = receiver.requests
    assert first.verified(SECRET) == second.verified(SECRET)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert SECRET not in "".join(path.read_text() for path in (tmp_path / "stack" / "log").iterdir())
