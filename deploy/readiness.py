"""Readiness checks: one for each kind of process, each answered within about a second.

`python -m deploy.readiness PROCESS` checks one process of this machine, for containers. Its exit status is 0 if the
process is ready.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable

import httpx
import redis
from celery import Celery
from kombu.exceptions import OperationalError

from deploy.addresses import Addresses
from schema.core.queues import ALL_QUEUES
from schema.core.settings import settings

QUESTION_S = 1.0

ReadinessCheck = Callable[[], bool]


def checks(addresses: Addresses) -> dict[str, ReadinessCheck]:
    """The check for each process that has one. For the others it is enough that they run."""
    return {
        "redis": redis_answers(addresses.redis_url),
        "api": http_answers(f"{addresses.api_url}/healthz"),
        **{name: worker_answers(addresses.redis_url, name) for name in ALL_QUEUES},
        "flower": http_answers(f"{addresses.flower_url}/healthcheck"),
    }


def redis_answers(url: str) -> ReadinessCheck:
    def check() -> bool:
        try:
            with redis.Redis.from_url(url, socket_timeout=QUESTION_S, socket_connect_timeout=QUESTION_S) as client:
                return bool(client.ping())
        except redis.RedisError:  # refused, or still loading its append-only file
            return False

    return check


def http_answers(url: str) -> ReadinessCheck:
    def check() -> bool:
        try:
            return httpx.get(url, timeout=QUESTION_S, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    return check


def worker_answers(redis_url: str, node: str) -> ReadinessCheck:
    """True if the whole pool of the Celery worker *node* (the part before the `@`) on this machine is working.

    A pool process counts once it has started completely, which includes loading its model.
    """
    name = f"{node}@{socket.gethostname()}"
    broker_answers = redis_answers(redis_url)

    def check() -> bool:
        # Celery itself would retry for seconds if the broker is away.
        if not broker_answers():
            return False
        with Celery(broker=redis_url, set_as_current=False) as app:
            try:
                stats = app.control.inspect(destination=[name], timeout=QUESTION_S, limit=1).stats()
            except (OperationalError, redis.RedisError):
                return False
        if not stats:
            return False
        pool = stats[name]["pool"]
        return bool(pool["writes"]["inqueues"]["total"] >= pool["max-concurrency"])

    return check


def main(arguments: list[str]) -> int:
    config = settings()
    known = {
        "api": http_answers(f"http://127.0.0.1:{config.api_port}/healthz"),
        "flower": http_answers(f"http://127.0.0.1:{config.flower_port}/healthcheck"),
        **{name: worker_answers(config.redis_url, name) for name in ALL_QUEUES},
    }
    if len(arguments) != 1 or arguments[0] not in known:
        print(f"usage: python -m deploy.readiness {{{','.join(known)}}}", file=sys.stderr)
        return 2
    return 0 if known[arguments[0]]() else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
