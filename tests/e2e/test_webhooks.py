"""Webhook delivery by real processes: beat sends the task, Celery runs it, and a receiver gets the message."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from deploy.supervisor import Stack
from schema.core.database import Database
from schema.core.settings import Settings
from schema.webhooks.outbox import Delivery, DeliveryState
from tests.waiting import wait_until
from tests.workers.webhooks.outbox import SECRET, add_webhook, tell
from tests.workers.webhooks.receiver import receiving

pytestmark = pytest.mark.faults

PROCESSES = ("redis", "migrate", "ingest", "beat")


def test_a_message_is_delivered_after_its_receiver_failed_once_and_the_secret_is_not_logged(tmp_path: Path) -> None:
    environment = {"MINUTEBOOK_WEBHOOK_PRIVATE": "1"}
    with receiving() as receiver, Stack(tmp_path / "stack", processes=PROCESSES, environment=environment) as stack:
        receiver.answers = [500, 204]
        database = Database(Settings(data_dir=stack.data_dir).sql_url)

        def delivery_state() -> str:
            with database.read() as session:
                return session.scalars(select(Delivery.state)).one()

        add_webhook(database, receiver.url())
        tell(database)
        wait_until("the message is delivered", delivery_state, lambda state: state == DeliveryState.DELIVERED)
        database.close()
    first, second = receiver.requests
    assert first.verified(SECRET) == second.verified(SECRET)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert SECRET not in "".join(path.read_text() for path in (tmp_path / "stack" / "log").iterdir())
