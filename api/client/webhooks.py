"""The webhooks of a key, as a client manages them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from api.client.http import Http
from schema.webhooks.outbox import DeliveryState, WebhookEvent
from schema.webhooks.wire import CreatedWebhook, DeliveryOut, DeliveryPage, WebhookList, WebhookOut

PATH = "/v1/webhooks"


async def add_webhook(http: Http, url: str, events: Sequence[WebhookEvent] = ()) -> CreatedWebhook:
    """Every event when none is named."""
    wanted: dict[str, Any] = {"events": [event.value for event in events]} if events else {}
    answer = await http.call("POST", PATH, json={"url": url, **wanted})
    return CreatedWebhook.model_validate_json(answer.content)


async def list_webhooks(http: Http) -> list[WebhookOut]:
    return WebhookList.model_validate_json((await http.call("GET", PATH)).content).webhooks


async def remove_webhook(http: Http, webhook_id: str) -> None:
    await http.call("DELETE", f"{PATH}/{webhook_id}")


async def list_deliveries(
    http: Http, webhook_id: str, state: DeliveryState | None = None, limit: int = 50, cursor: int | None = None
) -> DeliveryPage:
    """The newest first."""
    query = {"state": state and state.value, "limit": limit, "cursor": cursor}
    params = {name: value for name, value in query.items() if value is not None}
    answer = await http.call("GET", f"{PATH}/{webhook_id}/deliveries", params=params)
    return DeliveryPage.model_validate_json(answer.content)


async def replay_delivery(http: Http, webhook_id: str, delivery_id: int) -> DeliveryOut:
    answer = await http.call("POST", f"{PATH}/{webhook_id}/deliveries/{delivery_id}/replay")
    return DeliveryOut.model_validate_json(answer.content)
