"""The sender of webhooks with a real receiver: messages are signed, and sent once if possible."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import update

from schema.core.database import Database
from schema.core.states import DeliveryState, MeetingState, WebhookEvent
from schema.meetings.tables import Meeting
from schema.meetings.wire import Author
from schema.minutes.minutes import Minutes
from schema.webhooks.outbox import Webhook, announce
from tests.workers.webhooks.conftest import ATTEMPTS, SECRET, ManualClock, add_webhook, deliveries, only, send_due, tell
from tests.workers.webhooks.receiver import WebhookReceiver, receiving
from workers.summarize.store import add_final, read_snapshot
from workers.webhooks import delivery as module
from workers.webhooks.delivery import BATCH, BATCH_OF_ONE, KEEP, LEASE_S, WebhookSender
from workers.webhooks.retries import AttemptResult


def test_a_message_is_signed_and_sent_once(
    database: Database, receiver: WebhookReceiver, sender: WebhookSender
) -> None:
    add_webhook(database, receiver.url())
    tell(database)
    assert [send_due(sender), send_due(sender)] == [1, 0]
    (request,) = receiver.requests
    message = request.verified(SECRET)
    assert message["type"] == "meeting.finished"
    assert message["data"] == {"meeting_id": "m"}
    assert datetime.fromisoformat(message["timestamp"]).tzinfo is not None
    delivery = only(database)
    assert request.headers["webhook-id"] == delivery.message_id
    assert (delivery.state, delivery.attempts, delivery.http_status) == (DeliveryState.DELIVERED, 1, 204)


def test_only_webhooks_of_the_owner_for_the_event_get_a_delivery(database: Database) -> None:
    add_webhook(database, "https://example.com", "all", "me")
    add_webhook(database, "https://example.com", "other_event", "me", WebhookEvent.UPLOAD_FAILED)
    add_webhook(database, "https://example.com", "other_owner", "you")
    tell(database, owner="me")
    assert only(database).webhook_id == "all"


def test_a_rolled_back_transaction_makes_no_delivery(database: Database) -> None:
    add_webhook(database, "https://example.com")
    with database.write() as session:
        announce(session, "local", WebhookEvent.MEETING_FINISHED, {"meeting_id": "m"})
        session.flush()
        session.rollback()
    assert deliveries(database) == []


def test_final_minutes_and_the_end_of_a_meeting_are_announced_once_each(database: Database) -> None:
    add_webhook(database, "https://example.com")
    with database.write() as session:
        session.add(Meeting(id="m", owner="local", state=MeetingState.SUMMARIZING))
    with database.read() as session:
        snapshot = read_snapshot(session, "m")
    assert snapshot is not None
    for _ in range(2):
        add_final(database, snapshot, Minutes(), Author(model="gemma", adapter=None))
    assert [each.event for each in deliveries(database)] == ["minutes.final", "meeting.finished"]


def test_redirects_are_not_followed(database: Database, receiver: WebhookReceiver, sender: WebhookSender) -> None:
    receiver.answers, receiver.headers = [302, 200], {"Location": receiver.url(path="/elsewhere")}
    add_webhook(database, receiver.url())
    tell(database)
    send_due(sender)
    assert [request.path for request in receiver.requests] == ["/hook"]
    assert only(database).error == "the receiver answered 302"


def test_hanging_and_unreachable_receivers_do_not_delay_others(
    database: Database, receiver: WebhookReceiver, sender: WebhookSender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "ANSWER_LIMIT_S", 1.0)
    with receiving() as hanging, socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, but not listening
        hanging.answers = [None]
        add_webhook(database, hanging.url(), "hangs")
        add_webhook(database, f"http://127.0.0.1:{taken.getsockname()[1]}/", "away")
        add_webhook(database, receiver.url(), "answers")
        tell(database)
        send_due(sender)
    outcomes = {each.webhook_id: (each.state, each.error) for each in deliveries(database)}
    assert outcomes["answers"] == ("delivered", None)
    assert outcomes["hangs"] == ("pending", "no answer within 1 s")
    assert outcomes["away"] == ("pending", "All connection attempts failed")


def test_the_messages_of_a_dead_sender_are_sent_after_its_lease(
    database: Database, receiver: WebhookReceiver, sender: WebhookSender, clock: ManualClock
) -> None:
    add_webhook(database, receiver.url())
    tell(database)
    messages = sender.claim()
    assert send_due(sender) == 0
    clock.pass_s(LEASE_S)
    receiver.answers = [500, 200]
    assert send_due(sender) == 1
    sender._book(messages, [AttemptResult(200, None)])  # the first sender was only slow, and its result is late
    assert (only(database).state, only(database).attempts) == (DeliveryState.PENDING, 2)


def test_simultaneous_senders_send_each_message_once(database: Database, receiver: WebhookReceiver) -> None:
    for number in range(6):
        add_webhook(database, receiver.url(), f"wh_{number}")
    tell(database)

    def carry(_: int) -> int:
        return send_due(WebhookSender(database=database, attempts_limit=ATTEMPTS, allow_private=True))

    with ThreadPoolExecutor(4) as threads:
        sent = list(threads.map(carry, range(8)))
    assert sum(sent) == 6
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == len(receiver.requests) == 6


def test_a_webhook_with_many_messages_does_not_delay_another(
    database: Database, receiver: WebhookReceiver, sender: WebhookSender
) -> None:
    add_webhook(database, receiver.url(path="/busy"), "busy", "busy")
    add_webhook(database, receiver.url(path="/calm"), "calm", "calm")
    for number in range(BATCH + 8):
        tell(database, str(number), owner="busy")
    tell(database, owner="calm")
    assert send_due(sender) == BATCH_OF_ONE + 1
    assert "/calm" in [request.path for request in receiver.requests]


def test_old_ended_deliveries_are_deleted(
    database: Database, receiver: WebhookReceiver, sender: WebhookSender, clock: ManualClock
) -> None:
    add_webhook(database, receiver.url())
    tell(database)
    send_due(sender)
    clock.pass_s(KEEP.total_seconds() - 60)
    send_due(sender)
    assert len(deliveries(database)) == 1
    clock.pass_s(120)
    send_due(sender)
    assert deliveries(database) == []


def test_removing_a_webhook_deletes_its_deliveries(database: Database, sender: WebhookSender) -> None:
    add_webhook(database, "https://example.com")
    tell(database)
    with database.write() as session:
        session.delete(session.get_one(Webhook, "wh_1"))
    assert send_due(sender) == 0
    assert deliveries(database) == []


def test_a_message_that_cannot_be_signed_does_not_block_others(
    database: Database, receiver: WebhookReceiver, sender: WebhookSender
) -> None:
    add_webhook(database, receiver.url(), "broken")
    add_webhook(database, receiver.url(), "whole")
    with database.write() as session:
        session.execute(update(Webhook).where(Webhook.id == "broken").values(secret=""))
    tell(database)
    send_due(sender)
    outcomes = {each.webhook_id: (each.state, each.error) for each in deliveries(database)}
    assert outcomes == {"broken": ("pending", "EmptyWebhookSecretError"), "whole": ("delivered", None)}
