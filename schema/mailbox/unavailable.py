"""One place that turns what goes wrong with Redis into Unavailable, with the address and the remedy."""

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
    BusyLoadingError: "is loading its data; it is back when that is done",
    AuthenticationError: "wants another user or password; check MINUTEBOOK_REDIS_URL",
    AuthorizationError: "refuses the user; check MINUTEBOOK_REDIS_URL",
    NoPermissionError: "does not let this user run the scripts; allow '~{mb:*', +@read +@write +@scripting",
    MaxConnectionsError: "has no connection left for this process; raise the size of its pool",
    ConnectionError: "cannot be reached; check that it runs and that MINUTEBOOK_REDIS_URL is right",
    TimeoutError: "does not answer in time; check its load and the network",
    ReadOnlyError: "is a read-only replica; let MINUTEBOOK_REDIS_URL name the primary",
    OutOfMemoryError: "has no memory left; raise its maxmemory, or start workers so that audio leaves it",
    ClusterError: "is a cluster that is not whole; check it with 'redis-cli cluster info'",
    RedisClusterException: "is a cluster that is not whole; check it with 'redis-cli cluster info'",
}
CANNOT_SAVE = "cannot save to its disk; free space there or mend its folder"
"""For MISCONF, which the client library has no class for."""


def check_client(client: Any) -> None:
    """Raise TypeError for a client that would decode audio as text."""
    if client.get_encoder().decode_responses:
        raise TypeError("the mailbox needs a Redis client with decode_responses=False, since audio is bytes")


@contextmanager
def reachable(client: Any) -> Iterator[None]:
    """Raise Unavailable for what waiting or an operator can mend; let a programming error through as it is."""
    try:
        yield
    except (RedisError, RedisClusterException) as error:
        remedy = _remedy(error)
        if remedy is None:
            raise
        raise Unavailable(f"Redis at {address(client)} {remedy} ({error})") from error


def address(client: Any) -> str:
    """Where *client* connects to, without its password."""
    if hasattr(client, "get_nodes"):
        return ",".join(f"{node.host}:{node.port}" for node in client.get_nodes())
    options = client.connection_pool.connection_kwargs
    if "path" in options:
        return f"unix://{options['path']}?db={options.get('db') or 0}"
    return f"{options.get('host', 'localhost')}:{options.get('port', 6379)}/{options.get('db') or 0}"


def _remedy(error: Exception) -> str | None:
    if isinstance(error, ResponseError) and str(error).startswith("MISCONF"):
        return CANNOT_SAVE
    return next((remedy for kind, remedy in REMEDIES.items() if isinstance(error, kind)), None)
