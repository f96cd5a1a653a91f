"""A meeting is held as long as its worker writes, and no longer."""

from __future__ import annotations

import time

import pytest
from redis import Redis

from workers.summarize.hold import held, hold_key

HOLD_MS = 300


def test_a_meeting_stays_held_while_an_answer_takes_longer_than_the_hold(redis_client: Redis) -> None:
    with held(redis_client, "m", "first", HOLD_MS) as mine:
        time.sleep(3 * HOLD_MS / 1000)
        with held(redis_client, "m", "second", HOLD_MS) as others:
            assert mine
            assert not others
        assert redis_client.get(hold_key("m")) == b"first"
    assert redis_client.get(hold_key("m")) is None


def test_a_hold_that_redis_has_lost_is_taken_again(redis_client: Redis) -> None:
    with held(redis_client, "m", "first", HOLD_MS):
        redis_client.flushdb()
        time.sleep(HOLD_MS / 1000)
        assert redis_client.get(hold_key("m")) == b"first"


def test_a_worker_does_not_renew_or_end_the_hold_of_another(redis_client: Redis) -> None:
    with held(redis_client, "m", "first", HOLD_MS):
        redis_client.set(hold_key("m"), "second", px=HOLD_MS)
        time.sleep(2 * HOLD_MS / 1000)
        assert redis_client.get(hold_key("m")) in (None, b"first")
        redis_client.set(hold_key("m"), "second")
    assert redis_client.get(hold_key("m")) == b"second"


def test_an_error_ends_the_hold(redis_client: Redis) -> None:
    with pytest.raises(ValueError, match="broken"), held(redis_client, "m", "first", HOLD_MS):
        raise ValueError("broken")
    assert redis_client.get(hold_key("m")) is None
