"""A failed message is sent again, with growing delays, until it is delivered or dead."""

from __future__ import annotations

import pytest

from schema.core.database import Database
from schema.core.states import DeliveryState
from tests.workers.webhooks.conftest import ATTEMPTS, SECRET, ManualClock, add_webhook, only, send_due, tell
from tests.workers.webhooks.receiver import WebhookReceiver
from workers.webhooks.delivery import WebhookSender
from workers.webhooks.retries import FIRST_DELAY_S, delay_s

LONG_S = 3600.0


def test_a_failed_message_is_retried_with_growing_delays_until_it_is_dead(
    database: Database,
    receiver: WebhookReceiver,
    sender: WebhookSender,
    clock: ManualClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    receiver.answers = [500]
    add_webhook(database, receiver.url())
    tell(database)
    waits_s = []
    for attempt in range(1, ATTEMPTS + 1):
        assert [send_due(sender), send_due(sender)] == [1, 0]
        delivery = only(database)
        assert (delivery.attempts, delivery.error) == (attempt, "the receiver answered 500")
        waits_s.append((delivery.due_at - clock.at).total_seconds())
        clock.pass_s(LONG_S)
    assert FIRST_DELAY_S / 2 < waits_s[0] < waits_s[1]
    assert only(database).state == DeliveryState.DEAD
    assert [request.headers["webhook-id"] for request in receiver.requests] == [only(database).message_id] * ATTEMPTS
    assert send_due(sender) == 0
    assert SECRET not in caplog.text


def test_a_message_is_delivered_when_the_receiver_recovers(
    database: Database, receiver: WebhookReceiver, sender: WebhookSender, clock: ManualClock
) -> None:
    receiver.answers = [503, 200]
    add_webhook(database, receiver.url())
    tell(database)
    send_due(sender)
    clock.pass_s(LONG_S)
    send_due(sender)
    delivery = only(database)
    assert (delivery.state, delivery.attempts, delivery.http_status, delivery.error) == ("delivered", 2, 200, None)


def test_a_410_ends_the_delivery_without_a_retry(
    database: Database, receiver: WebhookReceiver, sender: WebhookSender
) -> None:
    receiver.answers = [410]
    add_webhook(database, receiver.url())
    tell(database)
    send_due(sender)
    assert (only(database).state, only(database).attempts) == (DeliveryState.DEAD, 1)


def test_delays_grow_to_half_a_day_with_jitter() -> None:
    assert 4 <= delay_s(1) <= 6
    assert 16 <= delay_s(2) <= 24
    assert 9.6 * 3600 <= delay_s(20) <= 14.4 * 3600
    assert len({delay_s(3) for _ in range(5)}) == 5
