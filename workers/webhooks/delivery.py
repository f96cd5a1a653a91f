"""Delivery of the messages in `schema.webhooks.outbox`: claim what is due, sign and send it, book the result.

A claim moves a message's due time into the future. If the sender dies after the claim, the message becomes due again
later. A receiver may therefore get a message twice, always with the same `webhook-id`. `workers.webhooks.retries`
decides what follows an attempt.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

import httpx
from sqlalchemy import delete, exists, func, select, update
from standardwebhooks import Webhook as Signer

from schema.core.database import Database
from schema.core.errors import MinutebookError
from schema.core.states import DeliveryState
from schema.core.tables import now
from schema.webhooks.addresses import Target, addresses_of, parse_target
from schema.webhooks.outbox import Delivery, Webhook
from workers.webhooks.retries import AttemptResult, decide

log = logging.getLogger(__name__)

ANSWER_LIMIT_S = 10.0
"""Limit for a whole attempt: resolve the host name, connect, and get the answer."""
LEASE_S = 60.0
BATCH = 32
"""Messages that are sent at the same time."""
BATCH_OF_ONE = 4
"""Messages in a batch for the same webhook. A receiver that hangs then cannot fill the batch."""
ADDRESSES_LIMIT = 3
KEEP = timedelta(days=30)
"""How long messages are kept after they were delivered or became dead."""
ERROR_CHARACTERS = 300
USER_AGENT = "minutebook-webhooks"


@dataclass(frozen=True, slots=True)
class ClaimedDelivery:
    """A message that this sender has claimed. `attempt` counts from 1."""

    delivery_id: int
    message_id: str
    url: str
    secret: str = field(repr=False)
    body: str
    attempt: int


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

    def claim(self) -> list[ClaimedDelivery]:
        """Claim the messages that are due, at most one batch. Also deletes old ones."""
        self._forget_old()
        at = self.clock()
        waiting = (Delivery.state == DeliveryState.PENDING, Delivery.due_at <= at)
        # Mostly nothing is due. Reading first keeps this check from blocking writers on SQLite.
        with self.database.read() as session:
            if not session.scalar(select(exists().where(*waiting))):
                return []
        # A message's place among those of its webhook limits each webhook to BATCH_OF_ONE messages. Senders that
        # run at once skip each other's locked rows. The claim is committed before anything is sent.
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

    def send(self, messages: Sequence[ClaimedDelivery]) -> None:
        """Send the messages of one claim and book the results."""
        self._book(messages, asyncio.run(self._send_all(messages)))

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
        except Exception as error:  # One faulty message must not stop the rest of the batch.
            log.exception("webhook delivery %s cannot be sent", message.delivery_id)
            return AttemptResult(None, type(error).__name__)
        return AttemptResult(status, None if 200 <= status < 300 else f"the receiver answered {status}")

    async def _post(self, message: ClaimedDelivery) -> int:
        """Send to one of the addresses that were checked, and return the HTTP status.

        A second look-up of the name could return a private address, and so could a redirect. So the name is resolved
        once, and redirects are not followed.
        """
        target = parse_target(message.url)
        addresses = await asyncio.to_thread(addresses_of, target, allow_private=self.allow_private)
        unreachable: httpx.ConnectError | None = None
        for address in addresses[:ADDRESSES_LIMIT]:
            try:
                return await self._post_to(address, target, message)
            except httpx.ConnectError as error:  # Nothing was sent, so the next address cannot cause a duplicate.
                unreachable = error
        raise unreachable or httpx.ConnectError(f"{target.host} has no address")

    async def _post_to(self, address: str, target: Target, message: ClaimedDelivery) -> int:
        # A client per request: a pooled connection to one host must not be reused for another host at that address.
        async with httpx.AsyncClient(verify=self._trust, trust_env=False, timeout=ANSWER_LIMIT_S) as client:
            request = client.build_request(
                "POST",
                target.url.copy_with(host=address),
                content=message.body.encode(),
                headers={"Host": target.url.netloc.decode(), **self._headers(message)},
                extensions={"sni_hostname": target.host},
            )
            answer = await client.send(request, stream=True)
            await answer.aclose()  # The body is not needed, and it could be endless.
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

    def _book(self, messages: Sequence[ClaimedDelivery], results: Sequence[AttemptResult]) -> None:
        """Write the results. A message that another sender has claimed meanwhile is left to that sender."""
        at = self.clock()
        with self.database.write() as session:
            # Senders that overlap update rows in the same order, so they cannot deadlock.
            for message, result in sorted(zip(messages, results, strict=True), key=lambda pair: pair[0].delivery_id):
                mine = update(Delivery).where(
                    Delivery.id == message.delivery_id,
                    Delivery.state == DeliveryState.PENDING,
                    Delivery.attempts == message.attempt,  # Each claim counts up, so this is still our claim.
                )
                session.execute(mine.values(self._values_after(message, result, at)))

    def _values_after(self, message: ClaimedDelivery, result: AttemptResult, at: datetime) -> dict[str, object]:
        decision = decide(result, attempt=message.attempt, attempts_limit=self.attempts_limit, at=at)
        if decision.state == DeliveryState.DEAD:
            log.warning(
                "webhook delivery %s is dead after %s attempts: %s", message.delivery_id, message.attempt, result.error
            )
        when = {"ended_at": at} if decision.due_at is None else {"due_at": decision.due_at}
        return {"http_status": result.http_status, "error": result.error, "state": decision.state, **when}

    def _forget_old(self) -> None:
        old = Delivery.ended_at < self.clock() - KEEP
        with self.database.read() as session:
            if not session.scalar(select(exists().where(old))):
                return
        with self.database.write() as session:
            session.execute(delete(Delivery).where(old))
