"""Counts what the endpoint that writes minutes is used for, per meeting and per day (UTC), and bounds it.

The counts are in Redis, so all workers share them. If Redis loses them, they begin at zero again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from redis import Redis

DAY_KEPT_S = 2 * 24 * 3600
MEETING_KEPT_S = 7 * 24 * 3600
_ANSWERS, _TOKENS, _FELL_BACK, _REASON = "answers", "tokens", "fell_back", "reason"


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """The most tokens, of questions and answers together. 0 means no limit."""

    per_meeting: int = 0
    per_day: int = 0


@dataclass(frozen=True, slots=True)
class DayUse:
    """What a day had. `fell_back` counts notes and overviews that the endpoint was asked for in vain.

    `last_reason` is the latest reason, None if there is none.
    """

    answers: int = 0
    tokens: int = 0
    fell_back: int = 0
    last_reason: str | None = None


class ModelUse:
    def __init__(self, redis: Redis, limits: TokenLimits) -> None:
        self._redis = redis
        self._limits = limits

    def refusal(self, meeting_id: str) -> str | None:
        """Why the endpoint may not be asked about the meeting, None if it may.

        An answer is counted when it is there, so a limit is exceeded by at most the answers that are under way.
        """
        used = int(self._redis.get(_meeting_key(meeting_id)) or 0)
        if 0 < self._limits.per_meeting <= used:
            return _reached("The meeting", used, self._limits.per_meeting, "MINUTEBOOK_SUMMARY_URL_MEETING_TOKENS")
        today = self.today().tokens
        if 0 < self._limits.per_day <= today:
            return _reached("Today", today, self._limits.per_day, "MINUTEBOOK_SUMMARY_URL_DAY_TOKENS")
        return None

    def add_answer(self, meeting_id: str, tokens: int) -> None:
        with self._redis.pipeline() as counts:
            counts.incrby(_meeting_key(meeting_id), tokens)
            counts.expire(_meeting_key(meeting_id), MEETING_KEPT_S)
            counts.hincrby(_day_key(), _ANSWERS, 1)
            counts.hincrby(_day_key(), _TOKENS, tokens)
            counts.expire(_day_key(), DAY_KEPT_S)
            counts.execute()

    def add_fall_back(self, reason: str) -> None:
        with self._redis.pipeline() as counts:
            counts.hincrby(_day_key(), _FELL_BACK, 1)
            counts.hset(_day_key(), _REASON, reason)
            counts.expire(_day_key(), DAY_KEPT_S)
            counts.execute()

    def today(self) -> DayUse:
        answers, tokens, fell_back, reason = self._redis.hmget(_day_key(), [_ANSWERS, _TOKENS, _FELL_BACK, _REASON])
        told = reason.decode() if isinstance(reason, bytes) else reason
        return DayUse(int(answers or 0), int(tokens or 0), int(fell_back or 0), told)


def _reached(what: str, used: int, limit: int, setting: str) -> str:
    return f"{what} has used {used} tokens, and {setting} allows {limit}."


def _meeting_key(meeting_id: str) -> str:
    return f"mb:model-tokens:{meeting_id}"


def _day_key() -> str:
    return f"mb:model-use:{datetime.now(UTC):%Y-%m-%d}"
