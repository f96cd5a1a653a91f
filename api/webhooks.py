"""Webhooks: added, listed, removed; what was sent to them, and sending it again."""

from __future__ import annotations

import json
import secrets
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.auth.bearer import Reader, Writer
from api.auth.keys import Principal
from api.http import examples
from api.http.problems import responses
from api.meetings.routes import ANY
from api.services import ServicesHere
from schema.core.errors import Conflict, InvalidInput, NotFound
from schema.core.states import Scope
from schema.core.tables import now
from schema.webhooks.addresses import addresses_of, parse_target
from schema.webhooks.outbox import Delivery, DeliveryState, Webhook, WebhookEvent, new_secret
from schema.webhooks.wire import CreatedWebhook, DeliveryOut, DeliveryPage, NewWebhook, WebhookList, WebhookOut

WEBHOOKS_LIMIT = 20
"""Of one key: each is a message more in the transaction that ends a meeting."""
ID_LIMIT = 2**63 - 1
DeliveryId = Annotated[int, Path(ge=1, le=ID_LIMIT)]

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"], responses=responses(*ANY))


@router.post(
    "",
    status_code=201,
    responses={**responses(InvalidInput, Conflict), **examples.response(examples.CREATED_WEBHOOK, 201)},
)
def add(new: NewWebhook, services: ServicesHere, principal: Writer) -> CreatedWebhook:
    """Have a URL told of what becomes of this key's meetings. The secret that checks the signatures is shown once."""
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
            raise Conflict(f"this key has {count} webhooks, and may have {WEBHOOKS_LIMIT}; remove one first")
        session.add(webhook)
    return CreatedWebhook.model_validate(webhook)


@router.get("", responses=examples.response(examples.WEBHOOKS))
def list_webhooks(services: ServicesHere, principal: Reader) -> WebhookList:
    """Webhooks of this key, the oldest first."""
    wanted = select(Webhook).order_by(Webhook.created_at, Webhook.id)
    if not principal.may(Scope.ADMIN):
        wanted = wanted.where(Webhook.owner == principal.owner)
    with services.database.read() as session:
        return WebhookList(webhooks=[_webhook_out(webhook) for webhook in session.scalars(wanted)])


@router.delete("/{webhook_id}", status_code=204, responses=responses(NotFound))
def remove(webhook_id: str, services: ServicesHere, principal: Writer) -> Response:
    """Nothing more is sent there, and what was sent is forgotten."""
    with services.database.write() as session:
        session.delete(_find(session, webhook_id, principal))
    return Response(status_code=204)


@router.get("/{webhook_id}/deliveries", responses={**responses(NotFound), **examples.response(examples.DELIVERIES)})
def deliveries(
    webhook_id: str,
    services: ServicesHere,
    principal: Reader,
    state: Annotated[DeliveryState | None, Query(description="Only those in this state")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[int | None, Query(ge=1, le=ID_LIMIT, description="`next_cursor` of the page before")] = None,
) -> DeliveryPage:
    """What was sent to a webhook or waits to be, the newest first. Ended ones are kept for 30 days."""
    wanted = select(Delivery).where(Delivery.webhook_id == webhook_id)
    if state is not None:
        wanted = wanted.where(Delivery.state == state)
    if cursor is not None:
        wanted = wanted.where(Delivery.id < cursor)
    with services.database.read() as session:
        _find(session, webhook_id, principal)
        found = session.scalars(wanted.order_by(Delivery.id.desc()).limit(limit + 1)).all()
    page = [_delivery_out(delivery) for delivery in found[:limit]]
    return DeliveryPage(deliveries=page, next_cursor=page[-1].id if len(found) > limit else None)


@router.post(
    "/{webhook_id}/deliveries/{delivery_id}/replay",
    status_code=202,
    responses={**responses(NotFound), **examples.response(examples.DELIVERY, 202)},
)
def replay(webhook_id: str, delivery_id: DeliveryId, services: ServicesHere, principal: Writer) -> DeliveryOut:
    """Send a message again, with as many attempts as a new one. Its `webhook-id` stays, so that a double is known."""
    with services.database.write() as session:
        _find(session, webhook_id, principal)
        delivery = session.get(Delivery, delivery_id, with_for_update=True)
        if delivery is None or delivery.webhook_id != webhook_id:
            raise NotFound(f"webhook '{webhook_id}' has no delivery {delivery_id}; see 'GET .../deliveries'")
        delivery.state, delivery.attempts, delivery.due_at = DeliveryState.PENDING, 0, now()
        delivery.http_status = delivery.error = delivery.ended_at = None
        session.flush()
        return _delivery_out(delivery)


def _find(session: Session, webhook_id: str, principal: Principal) -> Webhook:
    """Raises NotFound, also for a webhook of another key."""
    webhook = None if "\0" in webhook_id else session.get(Webhook, webhook_id)
    if webhook is None or not principal.sees(webhook.owner):
        raise NotFound(
            f"there is no webhook '{webhook_id[:64]}' for this key; 'GET /v1/webhooks' lists those there are"
        )
    return webhook


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
