"""Servers for the whole session, clean databases on them, and the order of the tests."""

from __future__ import annotations

import itertools
import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from redis import Redis

from schema.core.settings import Settings
from tests import servers
from tests.schedule import Schedule, rank

pytest_plugins = ["tests.watchdog"]
# A stack that tells speakers apart needs one more worker. Tests that are about speakers have one and say so.
os.environ.setdefault("MINUTEBOOK_SPEAKERS", "off")
_databases = itertools.cycle(range(1, 64))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=rank)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Callable[..., None]) -> Schedule:
    return Schedule(config, log)


@pytest.fixture(scope="session", autouse=True)
def default_ports() -> Iterator[None]:
    """Bind the default ports without listening, so that each stack finds other ports, and two never the same."""
    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    ports = (
        urlsplit(defaults["redis_url"]).port,
        *(defaults[name] for name in ("api_port", "flower_port", "metrics_port")),
    )
    with ExitStack() as held:
        for port in ports:
            with suppress(OSError):  # another program has it
                held.enter_context(socket.socket()).bind(("127.0.0.1", port))
        yield


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[servers.Valkey]:
    with tempfile.TemporaryDirectory(prefix="minutebook-valkey-") as folder, servers.valkey(Path(folder)) as server:
        yield server


@pytest.fixture(scope="session")
def valkey_url(valkey_server: servers.Valkey) -> str:
    """A real Valkey without persistence, shared by the session. Each test uses its own database number."""
    return valkey_server.url


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A real PostgreSQL shared by the session. Each test uses its own database or schema."""
    with servers.postgres() as server:
        yield server.url


@pytest.fixture
def redis_client(valkey_server: servers.Valkey) -> Iterator[Redis]:
    """A client of an empty database with its own number."""
    with valkey_server.client(next(_databases)) as client:
        client.flushdb()
        yield client
