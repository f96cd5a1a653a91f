"""Wire types of the webhook routes."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StringConstraints

from schema.core.states import DeliveryState, WebhookEvent
from schema.core.wire import Shown, Wire
from schema.webhooks.addresses import URL_CHARACTERS


class NewWebhook(Wire):
    """`url` receives the `events` of this key's meetings. Without `events` it receives all kinds."""

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
    """Use `secret` to verify the signatures. It is only shown here."""

    secret: str


class WebhookList(Wire):
    webhooks: list[WebhookOut]


class DeliveryOut(Wire):
    """A message for a webhook.

    `http_status` and `error` belong to the last attempt. `due_at` is the time of the next attempt.
    """

    id: int
    message_id: str
    event: WebhookEvent
    data: dict[str, Any]
    state: DeliveryState
    attempts: int
    created_at: datetime
    http_status: int | None = None
    error: Shown | None = None
    due_at: datetime | None = None
    ended_at: datetime | None = None


class DeliveryPage(Wire):
    """Newest first. `next_cursor` is set while there are more."""

    deliveries: list[DeliveryOut]
    next_cursor: int | None = None
