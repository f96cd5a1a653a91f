"""When Redis fails, the error names the server and the remedy, and no accepted audio is lost."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import ResponseError
from redis.retry import Retry

from schema.core.errors import Unavailable
from schema.mailbox import AsyncMailbox, Mailbox
from schema.mailbox.unavailable import address, reachable
from tests import servers
from tests.schema.mailbox.conftest import LIMIT
from tests.waiting import wait_until


def open_track(mailbox: Mailbox) -> None:
    mailbox.open("t", committed_sample=0, epoch=0, backlog_limit_samples=LIMIT)


def test_a_server_that_is_down_is_named_without_the_password() -> None:
    port = servers.free_port()
    client = Redis(port=port, password="secret", retry=Retry(NoBackoff(), 0))
    with pytest.raises(Unavailable) as refused:
        Mailbox(client).append("t", 0, b"ab")
    assert f"localhost:{port}/0 cannot be reached" in refused.value.detail
    assert "MINUTEBOOK_REDIS_URL" in refused.value.detail
    assert "secret" not in refused.value.detail
    assert refused.value.retryable


def test_the_asyncio_mailbox_raises_the_same_error() -> None:
    async def append() -> None:
        async with AsyncRedis(port=servers.free_port(), retry=AsyncRetry(NoBackoff(), 0)) as client:
            await AsyncMailbox(client).append("t", 0, b"ab")

    with pytest.raises(Unavailable, match="cannot be reached"):
        asyncio.run(append())


def test_a_paused_server_is_reported_as_not_answering_in_time(tmp_path: Path) -> None:
    with servers.valkey(tmp_path) as server:
        client = Redis(port=server.port, socket_timeout=0.2, retry=Retry(NoBackoff(), 0))
        open_track(Mailbox(client))
        server.pause()
        try:
            with pytest.raises(Unavailable, match="does not answer in time"):
                Mailbox(client).append("t", 0, b"ab")
        finally:
            server.resume()
            client.close()


def test_a_full_server_refuses_audio_but_workers_go_on(tmp_path: Path) -> None:
    with servers.valkey(tmp_path) as server, server.client() as client:
        mailbox = Mailbox(client)
        open_track(mailbox)
        mailbox.append("t", 0, bytes(1 << 20))
        client.config_set("maxmemory", "1")
        with pytest.raises(Unavailable, match="no memory left; raise its maxmemory"):
            mailbox.append("t", 1 << 19, b"ab")
        (claim,) = mailbox.claim("w", 1, 1000).tracks
        assert len(mailbox.read("t", 0, 1000)) == 1
        done = claim.received_sample
        assert mailbox.release("t", claim.epoch, committed_sample=done, keep_sample=done, seen_sample=done)
        client.config_set("maxmemory", "0")
        assert mailbox.append("t", 1 << 19, b"ab").received_sample == (1 << 19) + 1


def test_a_server_that_cannot_save_is_reported_with_its_disk_as_the_cause(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with servers.valkey(folder) as server, server.client() as client:
        mailbox = Mailbox(client)
        open_track(mailbox)
        client.config_set("save", "3600 1")
        shutil.rmtree(folder)
        client.bgsave()
        wait_until(
            "the save has failed",
            lambda: client.info("persistence")["rdb_last_bgsave_status"],
            lambda status: status == "err",
        )
        with pytest.raises(Unavailable, match="cannot save to its disk; free space"):
            mailbox.append("t", 0, b"ab")
        client.config_set("save", "")


def test_a_read_only_replica_is_reported_as_such(tmp_path: Path) -> None:
    with servers.valkey(tmp_path) as server, server.client() as client:
        open_track(Mailbox(client))
        client.replicaof("127.0.0.1", str(servers.free_port()))
        with pytest.raises(Unavailable, match="read-only replica"):
            Mailbox(client).append("t", 0, b"ab")


def test_a_wrong_password_is_reported_as_such(tmp_path: Path) -> None:
    with servers.valkey(tmp_path) as server, server.client() as client:
        client.config_set("requirepass", "right")
        for password in ("wrong", None):
            stranger = Redis(port=server.port, password=password, retry=Retry(NoBackoff(), 0))
            with stranger, pytest.raises(Unavailable, match="does not accept this user or password"):
                Mailbox(stranger).depth()


def test_a_programming_error_is_not_reported_as_unavailable(redis_client: Redis) -> None:
    with pytest.raises(ResponseError), reachable(redis_client):
        redis_client.eval("not lua", 0)


def test_a_client_that_decodes_audio_as_text_is_refused() -> None:
    with pytest.raises(TypeError, match="decode_responses"):
        Mailbox(Redis(decode_responses=True))


def test_a_socket_is_named_by_its_path() -> None:
    assert address(Redis(unix_socket_path="/run/valkey.sock", db=2)) == "unix:///run/valkey.sock?db=2"


def test_acknowledged_audio_survives_kill_9(tmp_path: Path) -> None:
    with servers.valkey(tmp_path, aof=True) as server, server.client() as client:
        mailbox = Mailbox(client)
        open_track(mailbox)
        mailbox.append("t", 0, b"ab" * 100)
        before = mailbox.claim("w", 1, 600_000).tracks[0]
        server.kill()
        with pytest.raises(Unavailable):
            mailbox.append("t", 100, b"cd" * 100)
        server.start()
        assert mailbox.append("t", 100, b"cd" * 100).received_sample == 200
        assert [span.pcm for span in mailbox.read("t", 0, 1000)] == [b"ab" * 100 + b"cd" * 100]
        assert mailbox.extend("t", before.epoch, 1000)
