"""The asyncio mailbox behaves like the blocking one."""

from __future__ import annotations

import asyncio
import inspect

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from schema.core.errors import AudioGap
from schema.mailbox import AsyncMailbox, AudioSpan, Mailbox
from tests.schema.mailbox.conftest import LIMIT


def test_both_mailboxes_have_the_same_operations() -> None:
    for name, method in inspect.getmembers(Mailbox, inspect.isfunction):
        twin = getattr(AsyncMailbox, name)
        assert inspect.signature(method).parameters.keys() == inspect.signature(twin).parameters.keys(), name
        if not name.startswith("_"):
            assert inspect.signature(method) == inspect.signature(twin)
            assert inspect.iscoroutinefunction(twin)


def test_every_operation_works_through_the_asyncio_mailbox(redis_client: Redis, valkey_url: str) -> None:
    options = redis_client.connection_pool.connection_kwargs

    async def meeting() -> None:
        async with AsyncRedis(port=options["port"], db=options["db"]) as client:
            mailbox = AsyncMailbox(client)
            await mailbox.open("t", committed_sample=0, epoch=0, backlog_limit_samples=LIMIT)
            assert (await mailbox.append("t", 0, b"ab" * 10)).wake
            with pytest.raises(AudioGap):
                await mailbox.append("t", 11, b"ab")
            await mailbox.skip("t", 15)
            (claim,) = (await mailbox.claim("w", 4, 1000)).tracks
            assert await mailbox.read("t", 0, 100) == [AudioSpan(0, 10, b"ab" * 10), AudioSpan(10, 15, None)]
            assert await mailbox.extend("t", claim.epoch, 1000)
            assert await mailbox.release("t", claim.epoch, committed_sample=15, keep_sample=15, seen_sample=15)
            assert (await mailbox.close("t")).received_sample == 15
            assert (await mailbox.status("t")).due_in_ms == 0
            assert (await mailbox.claim("w", 4, 1000)).tracks[0].closed
            assert (await mailbox.claim("w", 4, 1000)).tracks == []
            assert (await mailbox.depth()).leased == 1
            await mailbox.forget("t")

    asyncio.run(meeting())


def test_audio_sent_by_racing_producers_is_received_once(redis_client: Redis) -> None:
    options = redis_client.connection_pool.connection_kwargs
    sound = bytes(index % 251 for index in range(4000))

    async def race() -> list[AudioSpan]:
        async with AsyncRedis(port=options["port"], db=options["db"]) as client:
            mailbox = AsyncMailbox(client)
            await mailbox.open("t", committed_sample=0, epoch=0, backlog_limit_samples=LIMIT)

            async def produce(step: int) -> None:
                for first in range(0, 2000, step):
                    await mailbox.append("t", first, sound[first * 2 : (first + step) * 2])

            await asyncio.gather(*(produce(step) for step in (40, 50, 80, 100)))
            return await mailbox.read("t", 0, 5000)

    assert asyncio.run(race()) == [AudioSpan(0, 2000, sound)]


def test_racing_workers_never_claim_the_same_track(redis_client: Redis) -> None:
    options = redis_client.connection_pool.connection_kwargs
    ids = [f"t{number}" for number in range(60)]

    async def race() -> list[str]:
        async with AsyncRedis(port=options["port"], db=options["db"]) as client:
            mailbox = AsyncMailbox(client)
            for track_id in ids:
                await mailbox.open(track_id, committed_sample=0, epoch=0, backlog_limit_samples=LIMIT)
                await mailbox.append(track_id, 0, b"ab")

            async def work(name: str) -> list[str]:
                mine: list[str] = []
                while (claimed := await mailbox.claim(name, 3, 600_000)).tracks or claimed.more:
                    mine += [claim.track_id for claim in claimed.tracks]
                return mine

            return [track_id for mine in await asyncio.gather(*map(work, "abcde")) for track_id in mine]

    assert sorted(asyncio.run(race())) == sorted(ids)
