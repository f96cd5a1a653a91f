"""Retries of webhook messages: the result of one attempt, and whether and when the next attempt follows."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from schema.core.states import DeliveryState

FIRST_DELAY_S = 5.0
DELAY_GROWTH = 4.0
DELAY_LIMIT_S = 12 * 3600.0
JITTER = 0.2
"""Each delay varies by this share, up or down. Messages that failed together then do not return together."""


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """The receiver's HTTP status, and the error. Without an answer there is only an error."""

    http_status: int | None
    error: str | None

    @property
    def accepted(self) -> bool:
        return self.error is None

    @property
    def refused_for_good(self) -> bool:
        """Whether the receiver asks for no further messages. Status 410 (Gone) says so."""
        return self.http_status == HTTPStatus.GONE


@dataclass(frozen=True, slots=True)
class RetryDecision:
    """The state of a message after an attempt. `due_at` is the time of the next attempt, None when there is none."""

    state: DeliveryState
    due_at: datetime | None


def decide(result: AttemptResult, *, attempt: int, attempts_limit: int, at: datetime) -> RetryDecision:
    """Decide whether a message is delivered, dead, or due again after attempt number *attempt*, which ended *at*."""
    if result.accepted:
        return RetryDecision(DeliveryState.DELIVERED, None)
    if result.refused_for_good or attempt >= attempts_limit:
        return RetryDecision(DeliveryState.DEAD, None)
    return RetryDecision(DeliveryState.PENDING, at + timedelta(seconds=delay_s(attempt)))


def delay_s(attempt: int) -> float:
    """Return the delay after failed attempt number *attempt*: 5 s, 20 s, 80 s … up to 12 hours, ±20 %."""
    delay = min(DELAY_LIMIT_S, FIRST_DELAY_S * DELAY_GROWTH ** (attempt - 1))
    return delay * random.uniform(1 - JITTER, 1 + JITTER)  # noqa: S311 - no secret
