"""The real Procfile: its queue server keeps its data, and its database is migrated."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from deploy.supervisor import Stack
from schema.core import migrate
from schema.core.database import Database
from tests.deploy.small_processes import alive


@pytest.fixture
def base(tmp_path: Path) -> Iterator[Stack]:
    with Stack(tmp_path, processes=["redis", "migrate"]) as stack:
        yield stack


def test_the_queue_server_logs_every_write_and_never_evicts(base: Stack) -> None:
    with redis.Redis.from_url(base.redis_url) as client:
        config = client.config_get("append*", "maxmemory*", "save", "bind")
    assert config["appendonly"] == "yes"
    assert config["appendfsync"] == "everysec"
    assert config["maxmemory"] == str(1 << 30)
    assert config["maxmemory-policy"] == "noeviction"
    assert config["save"] == ""
    assert config["bind"] == "127.0.0.1"


def test_writes_on_disk_survive_a_kill_of_the_queue_server(base: Stack) -> None:
    with redis.Redis.from_url(base.redis_url) as client:
        for number in range(1000):
            client.rpush("kept", number)
        # An acknowledged write is not yet in the file while the server waits for an fsync.
        assert client.waitaof(1, 0, timeout=0) == [1, 0]
    base.kill("redis")
    base.wait_ready("redis")
    with redis.Redis.from_url(base.redis_url) as client:
        assert client.lrange("kept", 0, -1) == [str(number).encode() for number in range(1000)]


def test_the_queue_server_keeps_its_data_when_the_stack_is_started_again(tmp_path: Path) -> None:
    with Stack(tmp_path, processes=["redis"]) as stack, redis.Redis.from_url(stack.redis_url) as client:
        client.set("kept", "yes")
        server = stack.pid("redis")
    assert alive([server]) == []
    with Stack(tmp_path, processes=["redis"]) as stack, redis.Redis.from_url(stack.redis_url) as client:
        assert client.get("kept") == b"yes"


def test_the_database_is_migrated_to_the_newest_revision(base: Stack) -> None:
    database = Database(base.database_url)
    try:
        assert migrate.current(database) == migrate.head()
    finally:
        database.close()


def test_a_redis_named_by_its_url_is_used_instead_of_a_new_one(tmp_path: Path, valkey_url: str) -> None:
    own = {"MINUTEBOOK_REDIS_URL": valkey_url}
    with Stack(tmp_path, environment=own, processes=["redis", "migrate"]) as stack:
        assert stack.redis_url == valkey_url
        assert stack.processes == []
    assert not (tmp_path / "redis").exists()
