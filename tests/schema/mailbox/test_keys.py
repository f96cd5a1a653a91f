"""Scripts touch only the keys they are given, which share a slot, so that they run on a cluster."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis, RedisCluster
from redis.crc import key_slot
from redis.exceptions import ResponseError

from schema.core.states import TrackKind
from schema.mailbox import AudioSpan, Heard, Keys, Mailbox, shard_of
from tests import servers
from tests.schema.mailbox.conftest import LIMIT, shift_clock
from tests.waiting import wait_until


def run_everything(mailbox: Mailbox, track_id: str, jump: Callable[[int], object]) -> None:
    """Run each operation at least once, with its rarer paths."""
    shard = shard_of(track_id, mailbox.shards)
    for kind in TrackKind:
        mailbox.open(
            track_id,
            committed_sample=0,
            epoch=0,
            kind=kind,
            backlog_limit_samples=LIMIT,
        )
        mailbox.append(track_id, 0, b"ab" * 10)
        mailbox.claim("w", 2, 1000, shard)
        jump(2000)
        (claim,) = mailbox.claim("w", 2, 1000, shard).tracks
        mailbox.skip(track_id, 20)
        assert mailbox.read(track_id, 5, 10) == [AudioSpan(5, 10, b"ab" * 5), AudioSpan(10, 15, None)]
        assert mailbox.extend(track_id, claim.epoch, 1000)
        assert mailbox.release(
            track_id, claim.epoch, committed_sample=30, keep_sample=20, seen_sample=10, state=b"x", retry=True
        )
        mailbox.open(track_id, committed_sample=40, epoch=claim.epoch + 1, backlog_limit_samples=LIMIT)
        mailbox.close(track_id, 50)
        listened = Heard(0, 0)
        mailbox.open(track_id, committed_sample=40, epoch=claim.epoch, backlog_limit_samples=LIMIT, heard=listened)
        ear = mailbox.listen(shard, lease_ms=1000)
        assert ear is not None
        assert mailbox.heard(track_id, ear.epoch, heard_sample=50, keep_sample=40, next_sample=90)
        mailbox.unlisten(track_id)
        assert mailbox.status(track_id).received_sample == 50
        assert mailbox.depth(shard).pending_samples == 10
        mailbox.forget(track_id)


def test_scripts_touch_only_the_keys_they_are_given(redis_client: Redis) -> None:
    mailbox = Mailbox(redis_client, shards=3)
    database = redis_client.connection_pool.connection_kwargs["db"]
    with redis_client.monitor() as monitor:  # type: ignore[no-untyped-call]
        run_everything(mailbox, "track", lambda ms: shift_clock(redis_client, ms, shard_of("track", 3)))
        redis_client.echo("end")
        seen: list[tuple[str, list[str]]] = []

        def next_command() -> list[str]:
            entry = monitor.next_command()
            words: list[str] = entry["command"].split(" ")
            if entry["db"] == database:
                seen.append((entry["client_type"], words))
            return words

        wait_until("the monitor has shown ECHO", next_command, lambda words: words == ["ECHO", "end"], poll_s=0)

    given: set[str] = set()
    scripts, touched = set(), set()
    for source, words in seen:
        if words[0].upper() == "EVALSHA":
            given = set(words[3 : 3 + int(words[2])])
            scripts.add(words[1])
            assert len({key_slot(key.encode()) for key in given}) == 1
        elif source == "lua" and words[0].upper() != "TIME":
            keys = set(redis_client.command_getkeys(*words))
            assert keys <= given, words
            touched |= keys
    assert len(scripts) == 16
    assert len(touched) == 7


def test_shards_have_different_slots_and_tracks_the_slot_of_their_shard() -> None:
    slots = set()
    for shard in range(3):
        names = [*Keys(shard).of_track("a"), *Keys(shard).of_track("b")]
        shared = {key_slot(name.encode()) for name in names}
        assert len(shared) == 1
        slots |= shared
    assert len(slots) == 3


def test_the_shard_of_a_track_never_changes() -> None:
    assert [shard_of(track_id, 16) for track_id in ("a", "b", "0190d1f3")] == [3, 9, 5]


def test_tracks_spread_evenly_over_shards() -> None:
    counts = [0] * 4
    for number in range(4000):
        counts[shard_of(f"track-{number}", 4)] += 1
    assert min(counts) > 900


def test_a_claim_returns_only_tracks_of_its_shard(redis_client: Redis) -> None:
    mailbox = Mailbox(redis_client, shards=3)
    ids = [f"track-{number}" for number in range(12)]
    for track_id in ids:
        mailbox.open(track_id, committed_sample=0, epoch=0, backlog_limit_samples=LIMIT)
        mailbox.append(track_id, 0, b"ab")
    for shard in range(3):
        claimed = {claim.track_id for claim in mailbox.claim("w", 100, 1000, shard).tracks}
        assert claimed == {track_id for track_id in ids if shard_of(track_id, 3) == shard}
        assert claimed


CLUSTER_OPTIONS = ("--cluster-enabled", "yes", "--databases", "1", "--cluster-port", str(servers.free_port()))


@pytest.fixture
def cluster() -> Iterator[RedisCluster]:
    """A cluster of one node, which refuses scripts whose keys lie in more than one slot."""
    with (
        tempfile.TemporaryDirectory(prefix="minutebook-cluster-") as folder,
        servers.valkey(Path(folder), options=CLUSTER_OPTIONS) as server,
        server.client() as node,
    ):
        node.cluster("ADDSLOTSRANGE", 0, 16383)
        wait_until("the cluster is ok", lambda: node.cluster("INFO"), lambda info: info["cluster_state"] == "ok")
        with RedisCluster(host="127.0.0.1", port=server.port) as client:
            yield client


def test_every_operation_runs_on_a_cluster(cluster: RedisCluster) -> None:
    mailbox = Mailbox(cluster, shards=3)
    for track_id in ("a", "b", "c"):
        shard_key = Keys(shard_of(track_id, 3)).of_shard[0]
        run_everything(mailbox, track_id, lambda ms, key=shard_key: cluster.hincrby(key, "offset", ms))  # type: ignore[misc]


def test_a_cluster_refuses_keys_of_two_shards(cluster: RedisCluster) -> None:
    with pytest.raises(ResponseError, match="same slot"):
        cluster.eval("#!lua\nreturn redis.call('GET', '{mb:1}:x')", 1, "{mb:0}:x")
