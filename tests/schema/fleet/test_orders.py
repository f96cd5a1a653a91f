"""What is asked of workers, as they read it."""

from __future__ import annotations

from redis import Redis

from schema.fleet.orders import (
    DRAINED_KEPT_S,
    asked_of,
    drain_worker,
    pause_queue,
    read_orders,
    restart_worker,
    resume_worker,
)


def test_a_worker_without_orders_is_open(redis_client: Redis) -> None:
    orders = read_orders(redis_client, "w@h")
    assert (orders.closed(["a", "b"]), orders.restart_of) == (frozenset(), "")
    assert asked_of(redis_client, []) == {}


def test_a_drained_worker_takes_nothing_and_the_order_lasts_while_the_worker_is_there(redis_client: Redis) -> None:
    drain_worker(redis_client, "w@h")
    redis_client.expire("{mb:fleet}:drained:w@h", 60)
    assert read_orders(redis_client, "w@h").closed(["a", "b"]) == {"a", "b"}
    assert redis_client.ttl("{mb:fleet}:drained:w@h") > DRAINED_KEPT_S - 60
    assert read_orders(redis_client, "other@h").closed(["a"]) == frozenset()
    resume_worker(redis_client, "w@h")
    assert not read_orders(redis_client, "w@h").drained


def test_the_api_sees_the_orders_as_the_workers_do(redis_client: Redis) -> None:
    pause_queue(redis_client, "a")
    drain_worker(redis_client, "w@h")
    restart_worker(redis_client, "v@h", "77")
    names = ["v@h", "w@h"]
    assert asked_of(redis_client, names) == {name: read_orders(redis_client, name) for name in names}
