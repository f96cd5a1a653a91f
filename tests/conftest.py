"""Servers that last for the session, and clean databases on them."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from redis import Redis

from tests import servers

_databases = itertools.cycle(range(1, 64))


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[servers.Valkey]:
    with tempfile.TemporaryDirectory(prefix="minutebook-valkey-") as folder, servers.valkey(Path(folder)) as server:
        yield server


@pytest.fixture(scope="session")
def valkey_url(valkey_server: servers.Valkey) -> str:
    """A real Valkey without persistence, shared by the session: use a database number of your own."""
    return valkey_server.url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL shared by the session: make a database or schema of your own."""
    with servers.postgres() as server:
        yield server.url


@pytest.fixture
def redis_client(valkey_server: servers.Valkey) -> Iterator[Redis]:
    """A client of a database number of its own, empty."""
    with valkey_server.client(next(_databases)) as client:
        client.flushdb()
        yield client
