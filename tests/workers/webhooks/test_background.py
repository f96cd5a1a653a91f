"""The task that sends webhooks: the worker goes on while a receiver keeps it waiting."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from redis import Redis

from schema.core.database import Database
from schema.core.errors import Unavailable
from schema.core.settings import Settings
from schema.mailbox import Mailbox
from schema.stores import Stores
from tests.waiting import wait_until
from tests.workers.webhooks.conftest import add_webhook, deliveries, only, tell
from tests.workers.webhooks.receiver import WebhookReceiver
from workers.tasks.monitoring import WakeUp
from workers.tasks.process import Process
from workers.tasks.tasks import deliver
from workers.webhooks.background import BackgroundSender
from workers.webhooks.delivery import WebhookSender

LOCK = "mb:delivering"


@pytest.fixture(autouse=True)
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What monitors are shown of the tasks. There is no broker here that could carry it."""
    events: list[str] = []
    monkeypatch.setattr(WakeUp, "send_event", lambda _, kind, **facts: events.append(facts.get("args", kind)))
    return events


@pytest.fixture
def process(
    database: Database,
    sender: WebhookSender,
    redis_client: Redis,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Process:
    """The process in which the task runs."""
    current = Process(Settings(data_dir=tmp_path))
    stores = Stores(database, redis_client, Mailbox(redis_client), storage_url="")
    background = BackgroundSender(sender, lambda: current.alone(LOCK, 60))
    current.__dict__.update({"stores": stores, "webhook_sender": background})
    monkeypatch.setattr(Process, "_current", current)
    return current


def test_the_task_sends_once_and_does_nothing_while_another_process_sends(
    process: Process, database: Database, receiver: WebhookReceiver, redis_client: Redis, shown: list[str]
) -> None:
    add_webhook(database, receiver.url())
    tell(database)
    with process.alone(LOCK, 60) as mine:
        assert mine
        deliver()
    assert (only(database).attempts, shown) == (0, [])
    deliver()
    process.webhook_sender.close()
    deliver()
    assert len(receiver.requests) == 1
    assert (only(database).state, shown[0]) == ("delivered", "1 messages")
    assert not redis_client.exists(LOCK)


def test_a_receiver_that_does_not_answer_does_not_hold_up_the_task(
    process: Process, database: Database, receiver: WebhookReceiver, redis_client: Redis
) -> None:
    receiver.answers = [None]
    add_webhook(database, receiver.url())
    tell(database)
    deliver()  # the receiver answers only when the test lets it
    wait_until("the message arrives", lambda: receiver.requests)
    assert only(database).state == "pending"
    tell(database)
    deliver()
    assert [each.attempts for each in deliveries(database)] == [1, 0]  # one batch at a time
    receiver.closing.set()
    process.webhook_sender.close()
    assert "disconnected" in str(deliveries(database)[0].error)
    assert not redis_client.exists(LOCK)


@pytest.mark.parametrize("error", [Unavailable("the database does not answer"), RuntimeError("a fault")])
def test_results_that_cannot_be_written_are_logged_and_the_next_batch_is_sent(
    process: Process,
    database: Database,
    receiver: WebhookReceiver,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    def fail(*_: object) -> None:
        raise error

    add_webhook(database, receiver.url())
    tell(database)
    with monkeypatch.context() as broken, caplog.at_level(logging.WARNING):
        broken.setattr(WebhookSender, "_book", fail)
        deliver()
        process.webhook_sender.close()
    assert "the results of 1 webhook messages were not written" in caplog.text
    tell(database)
    deliver()
    process.webhook_sender.close()
    assert [each.state for each in deliveries(database)] == ["pending", "delivered"]
