"""Routes of webhooks: adding, listing and removing them; listing their deliveries and replaying one."""

from __future__ import annotations

import json
import secrets
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy import func, select

from api.auth.access import find_webhook
from api.auth.bearer import Reader, Writer
from api.http import examples
from api.http.params import ID_LIMIT
from api.http.problems import responses
from api.meetings.routes import ANY
from api.services import ServicesHere
from schema.core.errors import Conflict, InvalidInput, NotFound
from schema.core.states import DeliveryState, Scope, WebhookEvent
from schema.core.tables import now
from schema.webhooks.addresses import addresses_of, parse_target
from schema.webhooks.outbox import Delivery, Webhook, new_secret
from schema.webhooks.wire import CreatedWebhook, DeliveryOut, DeliveryPage, NewWebhook, WebhookList, WebhookOut

WEBHOOKS_LIMIT = 20
"""Per key. Each webhook adds a message to the transaction that ends a meeting."""
DeliveryId = Annotated[int, Path(ge=1, le=ID_LIMIT)]

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], responses=responses(*ANY))


@router.post(
    "",
    summary="Add a webhook",
    status_code=201,
    responses={**responses(InvalidInput, Conflict), **examples.response(examples.CREATED_WEBHOOK, 201)},
)
def add(new: NewWebhook, services: ServicesHere, principal: Writer) -> CreatedWebhook:
    """Add a URL that receives events about this key's meetings.

    The answer contains the secret for checking signatures. It cannot be shown again.
    """
    addresses_of(parse_target(new.url), allow_private=services.config.webhook_private)
    webhook = Webhook(
        id=f"wh_{secrets.token_hex(12)}",
        owner=principal.owner,
        url=new.url,
        events=[event.value for event in WebhookEvent if event in new.events],
        secret=new_secret(),
    )
    with services.database.write() as session:
        count = session.scalar(select(func.count()).select_from(Webhook).where(Webhook.owner == principal.owner)) or 0
        if count >= WEBHOOKS_LIMIT:
            raise Conflict(f"this key has {count} webhooks, the limit is {WEBHOOKS_LIMIT}; remove one first")
        session.add(webhook)
    return CreatedWebhook.model_validate(webhook)


@router.get("", summary="List webhooks", responses=examples.response(examples.WEBHOOKS))
def list_webhooks(services: ServicesHere, principal: Reader) -> WebhookList:
    """List the webhooks of this key, oldest first."""
    wanted = select(Webhook).order_by(Webhook.created_at, Webhook.id)
    if not principal.may(Scope.ADMIN):
        wanted = wanted.where(Webhook.owner == principal.owner)
    with services.database.read() as session:
        return WebhookList(webhooks=[_webhook_out(webhook) for webhook in session.scalars(wanted)])


@router.delete("/{webhook_id}", summary="Remove a webhook", status_code=204, responses=responses(NotFound))
def remove(webhook_id: str, services: ServicesHere, principal: Writer) -> Response:
    """Remove a webhook and its deliveries. Nothing more is sent to its URL."""
    with services.database.write() as session:
        session.delete(find_webhook(session, webhook_id, principal))
    return Response(status_code=204)


@router.get(
    "/{webhook_id}/deliveries",
    summary="List the deliveries of a webhook",
    responses={**responses(NotFound), **examples.response(examples.DELIVERIES)},
)
def deliveries(
    webhook_id: str,
    services: ServicesHere,
    principal: Reader,
    state: Annotated[DeliveryState | None, Query(description="Only deliveries in this state")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[int | None, Query(ge=1, le=ID_LIMIT, description="`next_cursor` of the previous page")] = None,
) -> DeliveryPage:
    """List the messages that were sent to a webhook or are waiting, newest first. Ended ones are kept for 30 days."""
    wanted = select(Delivery).where(Delivery.webhook_id == webhook_id)
    if state is not None:
        wanted = wanted.where(Delivery.state == state)
    if cursor is not None:
        wanted = wanted.where(Delivery.id < cursor)
    with services.database.read() as session:
        find_webhook(session, webhook_id, principal)
        found = session.scalars(wanted.order_by(Delivery.id.desc()).limit(limit + 1)).all()
    page = [_delivery_out(delivery) for delivery in found[:limit]]
    return DeliveryPage(deliveries=page, next_cursor=page[-1].id if len(found) > limit else None)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/replay",
    summary="Replay a delivery",
    status_code=202,
    responses={**responses(NotFound), **examples.response(examples.DELIVERY, 202)},
)
def replay(webhook_id: str, delivery_id: DeliveryId, services: ServicesHere, principal: Writer) -> DeliveryOut:
    """Send a message again, with as many attempts as a new one.

    It keeps its `webhook-id`, so that the receiver recognises a duplicate.
    """
    with services.database.write() as session:
        find_webhook(session, webhook_id, principal)
        delivery = session.get(Delivery, delivery_id, with_for_update=True)
        if delivery is None or delivery.webhook_id != webhook_id:
            raise NotFound(f"webhook '{webhook_id}' has no delivery {delivery_id}; 'GET .../deliveries' lists them")
        delivery.state, delivery.attempts, delivery.due_at = DeliveryState.PENDING, 0, now()
        delivery.http_status = delivery.error = delivery.ended_at = None
        session.flush()
        return _delivery_out(delivery)


def _webhook_out(webhook: Webhook) -> WebhookOut:
    return WebhookOut.model_validate(webhook)


def _delivery_out(delivery: Delivery) -> DeliveryOut:
    return DeliveryOut(
        id=delivery.id,
        message_id=delivery.message_id,
        event=WebhookEvent(delivery.event),
        data=json.loads(delivery.body)["data"],
        state=DeliveryState(delivery.state),
        attempts=delivery.attempts,
        http_status=delivery.http_status,
        error=delivery.error,
        created_at=delivery.created_at,
        due_at=delivery.due_at if delivery.state == DeliveryState.PENDING else None,
        ended_at=delivery.ended_at,
    )
