"""Sends the messages in `schema.webhooks.outbox` to their receivers, signed, and again until they are taken.

A message is claimed by a conditional write that puts its next attempt off; a sender that dies in between has only
caused a delay. So a receiver may get a message twice, always under the same `webhook-id`.
"""

from __future__ import annotations

import asyncio
import logging
import random
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from http import HTTPStatus

import httpx
from sqlalchemy import delete, exists, func, select, update
from standardwebhooks import Webhook as Signer

from schema.core.database import Database
from schema.core.errors import MinutebookError
from schema.core.tables import now
from schema.webhooks.addresses import Target, addresses_of, parse_target
from schema.webhooks.outbox import Delivery, DeliveryState, Webhook

log = logging.getLogger(__name__)

ANSWER_LIMIT_S = 10.0
"""For the whole of an attempt: name, connection, answer."""
LEASE_S = 60.0
BATCH = 32
BATCH_OF_ONE = 4
"""Messages carried at once, and of those for one webhook: a receiver that hangs does not delay the others."""
ADDRESSES_LIMIT = 3
FIRST_DELAY_S = 5.0
DELAY_GROWTH = 4.0
DELAY_LIMIT_S = 12 * 3600.0
JITTER = 0.2
"""Delays vary by so much up and down, so that what failed together does not come again together."""
KEEP = timedelta(days=30)
ERROR_CHARACTERS = 300
USER_AGENT = "minutebook-webhooks"


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A claimed message. `attempt` counts from 1; a result is only booked while nobody has claimed it again."""

    delivery_id: int
    message_id: str
    url: str
    secret: str = field(repr=False)
    body: str
    attempt: int


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """What came of an attempt: the receiver's status, or why there is none."""

    http_status: int | None
    error: str | None

    @property
    def taken(self) -> bool:
        return self.error is None

    @property
    def refused_for_good(self) -> bool:
        """The receiver says that it wants no more of this."""
        return self.http_status == HTTPStatus.GONE


class WebhookSender:
    def __init__(
        self,
        *,
        database: Database,
        attempts_limit: int,
        allow_private: bool,
        clock: Callable[[], datetime] = now,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self.database = database
        self.attempts_limit = attempts_limit
        self.allow_private = allow_private
        self.clock = clock
        self._given_trust = trust

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        return self._given_trust or httpx.create_ssl_context()

    def run(self) -> int:
        """Carry what is due, a batch at most; returns how many messages were tried."""
        self._forget_old()
        messages = self._claim()
        if messages:
            self._book(messages, asyncio.run(self._send_all(messages)))
        return len(messages)

    def _claim(self) -> list[ClaimedDelivery]:
        at = self.clock()
        waiting = (Delivery.state == DeliveryState.PENDING, Delivery.due_at <= at)
        with self.database.read() as session:  # most of the time nothing is due, and no writer has to wait for that
            if not session.scalar(select(exists().where(*waiting))):
                return []
        place = func.row_number().over(partition_by=Delivery.webhook_id, order_by=(Delivery.due_at, Delivery.id))
        placed = select(Delivery.id, place.label("place")).where(*waiting).subquery()
        chosen = (
            select(Delivery, Webhook)
            .join(Webhook, Webhook.id == Delivery.webhook_id)
            .where(Delivery.id.in_(select(placed.c.id).where(placed.c.place <= BATCH_OF_ONE)), *waiting)
            .order_by(Delivery.due_at, Delivery.id)
            .limit(BATCH)
            .with_for_update(skip_locked=True, of=Delivery)
        )
        with self.database.write() as session:
            rows = session.execute(chosen).all()
            for delivery, _ in rows:
                delivery.attempts += 1
                delivery.due_at = at + timedelta(seconds=LEASE_S)
            return [
                ClaimedDelivery(each.id, each.message_id, hook.url, hook.secret, each.body, each.attempts)
                for each, hook in rows
            ]

    async def _send_all(self, messages: Sequence[ClaimedDelivery]) -> list[AttemptResult]:
        return await asyncio.gather(*(self._attempt(message) for message in messages))

    async def _attempt(self, message: ClaimedDelivery) -> AttemptResult:
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                status = await self._post(message)
        except TimeoutError:
            return AttemptResult(None, f"no answer within {ANSWER_LIMIT_S:.0f} s")
        except (httpx.HTTPError, OSError, MinutebookError) as error:
            return AttemptResult(None, (str(error) or type(error).__name__)[:ERROR_CHARACTERS])
        except Exception as error:  # one message that cannot be sent must not keep the others of the batch
            log.exception("delivery %s cannot be sent", message.delivery_id)
            return AttemptResult(None, type(error).__name__)
        return AttemptResult(status, None if 200 <= status < 300 else f"the receiver answered {status}")

    async def _post(self, message: ClaimedDelivery) -> int:
        """Send to the very addresses that were checked: the name is not asked again, and no redirect is followed."""
        target = parse_target(message.url)
        addresses = await asyncio.to_thread(addresses_of, target, allow_private=self.allow_private)
        unreachable: httpx.ConnectError | None = None
        for address in addresses[:ADDRESSES_LIMIT]:
            try:
                return await self._post_to(address, target, message)
            except httpx.ConnectError as error:  # nothing was sent, so the next address may have it
                unreachable = error
        raise unreachable or httpx.ConnectError(f"{target.host} has no address")

    async def _post_to(self, address: str, target: Target, message: ClaimedDelivery) -> int:
        # A client of its own: a connection kept for one host must not serve another at the same address.
        async with httpx.AsyncClient(verify=self._trust, trust_env=False, timeout=ANSWER_LIMIT_S) as client:
            request = client.build_request(
                "POST",
                target.url.copy_with(host=address),
                content=message.body.encode(),
                headers={"Host": target.url.netloc.decode(), **self._headers(message)},
                extensions={"sni_hostname": target.host},
            )
            answer = await client.send(request, stream=True)
            await answer.aclose()  # whatever the body says, it is not read
            return answer.status_code

    def _headers(self, message: ClaimedDelivery) -> dict[str, str]:
        at = self.clock()
        return {
            "Content-Type": "application/json",
            "User-Agent": USER_AGENT,
            "webhook-id": message.message_id,
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Signer(message.secret).sign(message.message_id, at, message.body),
        }

    def _book(self, messages: Sequence[ClaimedDelivery], answers: Sequence[AttemptResult]) -> None:
        at = self.clock()
        with self.database.write() as session:
            for message, answer in sorted(zip(messages, answers, strict=True), key=lambda pair: pair[0].delivery_id):
                mine = update(Delivery).where(
                    Delivery.id == message.delivery_id,
                    Delivery.state == DeliveryState.PENDING,
                    Delivery.attempts == message.attempt,
                )
                session.execute(mine.values(self._result(message, answer, at)))

    def _result(self, message: ClaimedDelivery, answer: AttemptResult, at: datetime) -> dict[str, object]:
        facts: dict[str, object] = {"http_status": answer.http_status, "error": answer.error}
        if answer.taken:
            return {**facts, "state": DeliveryState.DELIVERED, "ended_at": at}
        if answer.refused_for_good or message.attempt >= self.attempts_limit:
            log.warning("delivery %s is dead after %s attempts: %s", message.delivery_id, message.attempt, answer.error)
            return {**facts, "state": DeliveryState.DEAD, "ended_at": at}
        return {**facts, "due_at": at + timedelta(seconds=delay_s(message.attempt))}

    def _forget_old(self) -> None:
        old = Delivery.ended_at < self.clock() - KEEP
        with self.database.read() as session:
            if not session.scalar(select(exists().where(old))):
                return
        with self.database.write() as session:
            session.execute(delete(Delivery).where(old))


def delay_s(attempt: int) -> float:
    """How long to wait after the *attempt*-th in vain: 5 s, 20 s, 80 s … up to 12 hours, give or take a fifth."""
    delay = min(DELAY_LIMIT_S, FIRST_DELAY_S * DELAY_GROWTH ** (attempt - 1))
    return delay * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
