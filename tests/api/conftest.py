"""A real API on a real Valkey and a real database: uvicorn in a thread, on a free port."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from redis import Redis

from api.__main__ import server
from schema.core import migrate
from schema.core.database import Database
from schema.core.settings import Settings
from schema.mailbox import Mailbox
from schema.stores import Stores
from tests.servers import Valkey, free_port
from tests.waiting import wait_until

START_LIMIT_S = 20
_databases = itertools.cycle(range(1, 64))


@dataclass(frozen=True)
class Api:
    """A running API with its database, Redis and mailbox."""

    config: Settings
    database: Database
    redis: Redis
    mailbox: Mailbox
    http: httpx.Client

    @property
    def stores(self) -> Stores:
        return Stores(self.database, self.redis, self.mailbox, self.config.storage_url)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.config.api_port}"

    def live_url(self, meeting_id: str, query: str = "") -> str:
        return f"ws://127.0.0.1:{self.config.api_port}/v1/meetings/{meeting_id}/live{query}"

    def create(self, **fields: object) -> str:
        """Create a meeting and return its id."""
        answer = self.http.post("/v1/meetings", json=fields)
        assert answer.status_code == 201, answer.text
        meeting_id: str = answer.json()["id"]
        return meeting_id

    def send(self, meeting_id: str, first_sample: int, pcm: bytes, **query: str) -> httpx.Response:
        """POST raw audio."""
        params = {"first_sample": str(first_sample), **query}
        return self.http.post(f"/v1/meetings/{meeting_id}/audio", params=params, content=pcm)


@contextmanager
def serving(config: Settings) -> Iterator[Api]:
    """Migrate the database and run an API until the end of the block."""
    database = Database(config.sql_url)
    migrate.upgrade(database)
    uvicorn = server(config)
    thread = threading.Thread(target=uvicorn.run)
    thread.start()
    try:
        wait_until(
            "the API has started or its thread has ended (started, thread alive)",
            lambda: (uvicorn.started, thread.is_alive()),
            lambda seen: seen != (False, True),
            patience_s=START_LIMIT_S,
        )
        assert uvicorn.started, "the API did not start"
        url = f"http://127.0.0.1:{config.api_port}"
        with Redis.from_url(config.redis_url) as redis, httpx.Client(base_url=url, trust_env=False) as http:
            yield Api(config, database, redis, Mailbox(redis, config.shards), http)
    finally:
        uvicorn.should_exit = True
        thread.join(START_LIMIT_S)
        database.close()
        assert not thread.is_alive(), "the API did not stop"


@pytest.fixture
def settings(valkey_server: Valkey, tmp_path: Path) -> Callable[..., Settings]:
    """Makes settings with the test's own Redis database and SQLite file, and a new free port for each call."""
    number = next(_databases)
    with valkey_server.client(number) as client:
        client.flushdb()

    def make(**fields: object) -> Settings:
        known: dict[str, object] = {
            "data_dir": tmp_path,
            "redis_url": f"redis://127.0.0.1:{valkey_server.port}/{number}",
            "api_port": free_port(),
            "auth": "auto",
        }
        return Settings.model_validate({**known, **fields})

    return make


@pytest.fixture
def start(settings: Callable[..., Settings]) -> Iterator[Callable[..., Api]]:
    """Starts an API with changed settings. All of them stop at the end of the test."""
    with ExitStack() as stack:
        yield lambda **fields: stack.enter_context(serving(settings(**fields)))


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    """An API on loopback that asks for no keys."""
    return start()
