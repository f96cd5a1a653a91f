"""Webhooks: who is told of what, and the outbox. A message is written in the transaction of what it tells of.

So nothing is told that did not happen, and what happened is told, whatever dies in between. `workers.webhooks`
carries the messages out. They hold ids and small facts only; titles and text are asked for with a key.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from schema.core.tables import Base, Id, now


class WebhookEvent(StrEnum):
    """What a webhook can be told of, each once."""

    MEETING_FINISHED = "meeting.finished"
    MINUTES_FINAL = "minutes.final"
    UPLOAD_FAILED = "upload.failed"


class DeliveryState(StrEnum):
    """`pending` is tried until it is `delivered`, or too often in vain: `dead`. Both ends can be replayed."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"


class Webhook(Base):
    """An address that is told of what happens to its owner's meetings. `secret` signs, so it is kept as it is."""

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), index=True)
    url: Mapped[str] = mapped_column(String(2000))
    events: Mapped[list[Any]]
    secret: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(default=now)


class Delivery(Base):
    """A message for one webhook. `message_id` stays the same however often it is sent, so that doubles are known.

    It is sent when `due_at` has come; a clock that jumps makes that sooner or later, no more.
    """

    __tablename__ = "deliveries"
    __table_args__ = (Index(None, "state", "due_at"), Index(None, "webhook_id", "id"))

    id: Mapped[int] = mapped_column(Id, primary_key=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("webhooks.id", ondelete="CASCADE"))
    message_id: Mapped[str] = mapped_column(String(40), unique=True)
    event: Mapped[str] = mapped_column(String(32))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(16), default=DeliveryState.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime] = mapped_column(default=now)
    http_status: Mapped[int | None]
    error: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(default=now)
    ended_at: Mapped[datetime | None] = mapped_column(index=True)


def new_secret() -> str:
    """A secret as Standard Webhooks writes it: `whsec_` and 32 random bytes in base64."""
    return f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"


def announce(session: Session, owner: str, event: WebhookEvent, data: dict[str, Any]) -> None:
    """Put *event* into the outbox, for every webhook of *owner* that wants it.

    Call it in the transaction that makes it true, where a conditional move has seen to it that this happens once.
    """
    wanted = [hook for hook in session.scalars(select(Webhook).where(Webhook.owner == owner)) if event in hook.events]
    if not wanted:
        return
    body = json.dumps({"type": event.value, "timestamp": now().isoformat(), "data": data}, separators=(",", ":"))
    session.add_all(
        Delivery(webhook_id=hook.id, message_id=f"msg_{secrets.token_hex(16)}", event=event.value, body=body)
        for hook in wanted
    )
