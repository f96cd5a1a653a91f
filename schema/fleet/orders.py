"""What operators ask of workers and queues. It is kept in Redis, and each worker reads it every two seconds.

An order is a state, not a message: asking twice changes nothing, and a worker that was away follows it when it is back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from redis import Redis

_PAUSED = "{mb:fleet}:paused"
"""Set of the paused queues. They stay paused until somebody resumes them."""
DRAINED_KEPT_S = 7 * 24 * 3600
"""A drained worker stays drained over its restarts. If it is away for this long, the order is forgotten."""
RESTART_KEPT_S = 3600


def _drained_key(name: str) -> str:
    return f"{{mb:fleet}}:drained:{name}"


def _restart_key(name: str) -> str:
    return f"{{mb:fleet}}:restart:{name}"


@dataclass(frozen=True, slots=True)
class Orders:
    """What is asked of one worker."""

    paused: frozenset[str]
    drained: bool
    restart_of: str
    """The instance that is to end; empty if none is."""

    def closed(self, queues: Iterable[str]) -> frozenset[str]:
        """Those of *queues* from which the worker may take nothing."""
        return frozenset(queues) if self.drained else self.paused & frozenset(queues)


def read_orders(redis: Redis, name: str) -> Orders:
    """What is asked of the worker *name*. Called by the worker itself, and so the order to drain does not expire."""
    with redis.pipeline(transaction=False) as look:
        look.smembers(_PAUSED)
        look.expire(_drained_key(name), DRAINED_KEPT_S)
        look.get(_restart_key(name))
        paused, drained, restart_of = look.execute()
    return Orders(_names(paused), bool(drained), (restart_of or b"").decode())


def paused_queues(redis: Redis) -> frozenset[str]:
    return _names(cast("set[bytes]", redis.smembers(_PAUSED)))


def pause_queue(redis: Redis, queue: str) -> None:
    """Workers take nothing from *queue* any more. What they have taken is finished."""
    redis.sadd(_PAUSED, queue)


def resume_queue(redis: Redis, queue: str) -> None:
    redis.srem(_PAUSED, queue)


def drain_worker(redis: Redis, name: str) -> None:
    """The worker takes nothing from any queue, also after a restart, until it is resumed."""
    redis.set(_drained_key(name), 1, ex=DRAINED_KEPT_S)


def resume_worker(redis: Redis, name: str) -> None:
    redis.delete(_drained_key(name))


def restart_worker(redis: Redis, name: str, instance: str) -> None:
    """The worker ends in order if it is still the one that started as *instance*."""
    redis.set(_restart_key(name), instance, ex=RESTART_KEPT_S)


def asked_of(redis: Redis, names: Iterable[str]) -> dict[str, Orders]:
    """What is asked of each of the workers *names*."""
    wanted = list(names)
    paused = paused_queues(redis)
    if not wanted:
        return {}
    drained = redis.mget([_drained_key(name) for name in wanted])
    restarts = redis.mget([_restart_key(name) for name in wanted])
    return {
        name: Orders(paused, mark is not None, cast("bytes", restart_of or b"").decode())
        for name, mark, restart_of in zip(wanted, drained, restarts, strict=True)
    }


def _names(members: Iterable[bytes]) -> frozenset[str]:
    return frozenset(each.decode() for each in members)
