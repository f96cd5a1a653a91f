"""The real Procfile: a queue server that keeps what it was given, and a migrated database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from deploy.supervisor import Stack
from schema.core import migrate
from schema.core.database import Database
from tests.deploy.sleepers import all_gone


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path, processes=["redis", "migrate"]) as stack:
        yield stack


def test_the_queue_server_writes_everything_down_and_never_evicts(base: Stack) -> None:
    with redis.Redis.from_url(base.redis_url) as client:
        told = client.config_get("append*", "maxmemory*", "save", "bind")
    assert told["appendonly"] == "yes"
    assert told["appendfsync"] == "everysec"
    assert told["maxmemory"] == str(1 << 30)
    assert told["maxmemory-policy"] == "noeviction"
    assert told["save"] == ""
    assert told["bind"] == "127.0.0.1"


def test_what_was_acknowledged_outlives_a_killed_queue_server(base: Stack) -> None:
    with redis.Redis.from_url(base.redis_url) as client:
        for number in range(1000):
            client.rpush("kept", number)
    base.kill("redis")
    base.wait_ready("redis")
    with redis.Redis.from_url(base.redis_url) as client:
        assert client.lrange("kept", 0, -1) == [str(number).encode() for number in range(1000)]


def test_the_queue_server_keeps_its_data_from_one_stack_to_the_next(tmp_path: Path) -> None:
    with Stack(tmp_path, processes=["redis"]) as stack, redis.Redis.from_url(stack.redis_url) as client:
        client.set("kept", "yes")
        server = stack.pid("redis")
    assert all_gone([server])
    with Stack(tmp_path, processes=["redis"]) as stack, redis.Redis.from_url(stack.redis_url) as client:
        assert client.get("kept") == b"yes"


def test_the_database_is_at_the_revision_of_the_code(base: Stack) -> None:
    database = Database(base.database_url)
    try:
        assert migrate.current(database) == migrate.head()
    finally:
        database.close()


def test_a_queue_server_of_one_s_own_is_used_as_it_is(tmp_path: Path, valkey_url: str) -> None:
    own = {"MINUTEBOOK_REDIS_URL": valkey_url}
    with Stack(tmp_path, environment=own, processes=["redis", "migrate"]) as stack:
        assert stack.redis_url == valkey_url
        assert stack.processes == []
    assert not (tmp_path / "redis").exists()
