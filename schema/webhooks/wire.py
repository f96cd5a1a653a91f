"""Webhooks at the doors."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from schema.core.wire import Wire
from schema.webhooks.addresses import URL_CHARACTERS
from schema.webhooks.outbox import DeliveryState, WebhookEvent


class NewWebhook(Wire):
    """`url` is told of `events` of this key's meetings, of all kinds unless some are named."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"url": "https://hooks.example.com/minutes", "events": ["minutes.final"]}]}
    )
    url: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=URL_CHARACTERS)]
    events: list[WebhookEvent] = Field(default_factory=lambda: list(WebhookEvent), min_length=1, max_length=20)


class WebhookOut(Wire):
    id: str
    url: str
    events: list[WebhookEvent]
    created_at: datetime


class CreatedWebhook(WebhookOut):
    """`secret` checks the signatures. It is shown once, here."""

    secret: str


class WebhookList(Wire):
    webhooks: list[WebhookOut]


class DeliveryOut(Wire):
    """A message for a webhook. `http_status` and `error` are those of the last attempt; `due_at` of the next."""

    id: int
    message_id: str
    event: WebhookEvent
    data: dict[str, Any]
    state: DeliveryState
    attempts: int
    created_at: datetime
    http_status: int | None = None
    error: str | None = None
    due_at: datetime | None = None
    ended_at: datetime | None = None


class DeliveryPage(Wire):
    """The newest first. `next_cursor` is given while there are more."""

    deliveries: list[DeliveryOut]
    next_cursor: int | None = None
