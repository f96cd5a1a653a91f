"""Webhooks and their outbox: the table of messages that wait to be sent.

A message is written in the same transaction as the change that it announces. Both are committed or neither is, so a
crash can neither lose a message nor announce a change that was rolled back. `workers.webhooks` sends the messages.
Messages hold only ids and short facts; receivers use their API key to read titles and text.
"""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from schema.core.states import DeliveryState, WebhookEvent
from schema.core.tables import Base, Id, now


class Webhook(Base):
    """A URL that receives the events of its owner's meetings.

    `secret` signs the messages. Signing needs the secret itself, so a hash is not enough.
    """

    __tablename__ = "webhooks"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    owner: Mapped[str] = mapped_column(String(64), index=True)
    url: Mapped[str] = mapped_column(String(2000))
    events: Mapped[list[Any]]
    secret: Mapped[str] = mapped_column(String(100))
    created_at: Mapped[datetime] = mapped_column(default=now)


class Delivery(Base):
    """A message for one webhook. `message_id` is the same in every attempt, so receivers can detect duplicates.

    `due_at` is the time of the next attempt. A jump of the clock only makes that attempt early or late.
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
    """Return a secret in the format of Standard Webhooks: `whsec_` and 32 random bytes in base64."""
    return f"whsec_{b64encode(secrets.token_bytes(32)).decode()}"


def announce(session: Session, owner: str, event: WebhookEvent, data: dict[str, Any]) -> None:
    """Put *event* into the outbox, for every webhook of *owner* that subscribes to it.

    Call this in the transaction of the change itself, after a conditional update that only one caller can win. Then the
    event is announced exactly once.
    """
    wanted = [hook for hook in session.scalars(select(Webhook).where(Webhook.owner == owner)) if event in hook.events]
    if not wanted:
        return
    body = json.dumps({"type": event.value, "timestamp": now().isoformat(), "data": data}, separators=(",", ":"))
    session.add_all(
        Delivery(webhook_id=hook.id, message_id=f"msg_{secrets.token_hex(16)}", event=event.value, body=body)
        for hook in wanted
    )
