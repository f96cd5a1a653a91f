"""Translates errors of Redis into Unavailable, with the address and the remedy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.exceptions import (
    AuthenticationError,
    AuthorizationError,
    BusyLoadingError,
    ClusterError,
    ConnectionError,
    MaxConnectionsError,
    NoPermissionError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
    TimeoutError,
)

from schema.core.errors import Unavailable

REMEDIES: dict[type[Exception], str] = {
    BusyLoadingError: "is loading its data; wait until that is done",
    AuthenticationError: "does not accept this user or password; check MINUTEBOOK_REDIS_URL",
    AuthorizationError: "refuses this user; check MINUTEBOOK_REDIS_URL",
    NoPermissionError: "does not let this user run the scripts; allow '~{mb:*', +@read +@write +@scripting",
    MaxConnectionsError: "has no free connection for this process; increase the size of its pool",
    ConnectionError: "cannot be reached; check that it runs and that MINUTEBOOK_REDIS_URL is right",
    TimeoutError: "does not answer in time; check its load and the network",
    ReadOnlyError: "is a read-only replica; let MINUTEBOOK_REDIS_URL name the primary",
    OutOfMemoryError: "has no memory left; raise its maxmemory, or start workers to empty the mailboxes",
    ClusterError: "is an incomplete cluster; check it with 'redis-cli cluster info'",
    RedisClusterException: "is an incomplete cluster; check it with 'redis-cli cluster info'",
}
CODES = {
    "MISCONF": "cannot save to its disk; free space there or repair its folder",
    "NOREPLICAS": "has too few replicas to accept data; start them, or lower its min-replicas-to-write",
}
"""The remedies for errors for which the client library has no class."""


def check_client(client: Any) -> None:
    """Raise TypeError if *client* would decode audio as text."""
    if client.get_encoder().decode_responses:
        raise TypeError("the mailbox needs a Redis client with decode_responses=False, because audio is bytes")


@contextmanager
def reachable(client: Any) -> Iterator[None]:
    """Turn errors that waiting or an operator can resolve into Unavailable. Programming errors pass unchanged."""
    try:
        yield
    except (RedisError, RedisClusterException) as error:
        remedy = _remedy(error)
        if remedy is None:
            raise
        raise Unavailable(f"Redis at {address(client)} {remedy} ({error})") from error


def address(client: Any) -> str:
    """The address to which *client* connects, without its password."""
    if hasattr(client, "get_nodes"):
        return ",".join(f"{node.host}:{node.port}" for node in client.get_nodes())
    options = client.connection_pool.connection_kwargs
    if "path" in options:
        return f"unix://{options['path']}?db={options.get('db') or 0}"
    return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}/{options.get('db') or 0}"


def _remedy(error: Exception) -> str | None:
    if isinstance(error, ResponseError) and (remedy := CODES.get(str(error).partition(" ")[0])):
        return remedy
    return next((remedy for kind, remedy in REMEDIES.items() if isinstance(error, kind)), None)
