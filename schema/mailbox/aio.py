"""The mailbox with awaitable calls, for the API. The calls are those of `schema.mailbox.sync`."""

from __future__ import annotations

from typing import TypeVar

from redis.asyncio import Redis, RedisCluster

from schema.core.states import TrackKind
from schema.mailbox.calls import NAMES, Call, Calls, check_claim, source
from schema.mailbox.limits import BATCH_DELAY_MS, CANDIDATES_PER_PLACE, CLAIM_TRIES
from schema.mailbox.records import Appended, AudioSpan, Claimed, Depth, Fill, Heard, ListenerClaim, Status
from schema.mailbox.unavailable import check_client, reachable

T = TypeVar("T")


class AsyncMailbox:
    """All mailboxes in one Redis or Redis Cluster.

    *client* must not decode responses, because audio is bytes. *shards* must be the same in every process. Every call
    raises Unavailable when Redis cannot be reached or cannot write.
    """

    def __init__(self, client: Redis | RedisCluster, shards: int = 1, *, batch_delay_ms: int = BATCH_DELAY_MS) -> None:
        check_client(client)
        self.client = client
        self.shards = shards
        self._calls = Calls(shards, batch_delay_ms)
        self._scripts = {name: client.register_script(source(name)) for name in NAMES}

    async def _run(self, call: Call[T]) -> T:
        with reachable(self.client):
            answer = await self._scripts[call.script](keys=call.keys, args=call.args)
        return call.parse(answer)

    async def open(
        self,
        track_id: str,
        *,
        committed_sample: int,
        epoch: int,
        backlog_limit_samples: int,
        kind: TrackKind = TrackKind.LIVE,
        express: bool = False,
        heard: Heard | None = None,
    ) -> Status:
        """Like `Mailbox.open`."""
        return await self._run(
            self._calls.open(track_id, committed_sample, epoch, kind, backlog_limit_samples, express, heard)
        )

    async def append(self, track_id: str, first_sample: int, pcm: bytes) -> Appended:
        """Like `Mailbox.append`."""
        return await self._run(self._calls.append(track_id, first_sample, pcm))

    async def skip(self, track_id: str, to_sample: int) -> Appended:
        """Like `Mailbox.skip`."""
        return await self._run(self._calls.skip(track_id, to_sample))

    async def flush(self, track_id: str) -> Appended:
        """Like `Mailbox.flush`."""
        return await self._run(self._calls.flush(track_id))

    async def close(self, track_id: str, final_sample: int | None = None) -> Appended:
        """Like `Mailbox.close`."""
        return await self._run(self._calls.close(track_id, final_sample))

    async def claim(self, worker: str, n: int, lease_ms: int, shard: int = 0, *, fill: Fill = "any") -> Claimed:
        """Like `Mailbox.claim`."""
        check_claim(n, lease_ms)
        for _ in range(CLAIM_TRIES):
            claimed, candidates = await self._run(self._calls.due(shard, n * CANDIDATES_PER_PLACE, fill))
            if not candidates:
                return claimed
            claimed = await self._run(self._calls.claim(shard, candidates, worker, n, lease_ms, fill))
            if claimed.tracks or not claimed.more:
                return claimed
        return claimed

    async def read(self, track_id: str, from_sample: int, limit_samples: int) -> list[AudioSpan]:
        """Like `Mailbox.read`."""
        return await self._run(self._calls.read(track_id, from_sample, limit_samples))

    async def extend(self, track_id: str, epoch: int, lease_ms: int) -> bool:
        """Like `Mailbox.extend`."""
        return await self._run(self._calls.extend(track_id, epoch, lease_ms))

    async def release(
        self,
        track_id: str,
        epoch: int,
        *,
        committed_sample: int,
        keep_sample: int,
        seen_sample: int,
        state: bytes = b"",
        delay_ms: int = 0,
        rest_ms: int = 0,
        retry: bool = False,
    ) -> bool:
        """Like `Mailbox.release`."""
        return await self._run(
            self._calls.release(
                track_id, epoch, committed_sample, keep_sample, seen_sample, state, delay_ms, rest_ms, retry
            )
        )

    async def listen(self, shard: int, lease_ms: int, n: int = CANDIDATES_PER_PLACE) -> ListenerClaim | None:
        """Like `Mailbox.listen`."""
        for track_id in await self._run(self._calls.listenable(shard, n)):
            claim = await self._run(self._calls.listen(track_id, lease_ms))
            if claim is not None:
                return claim
        return None

    async def heard(
        self,
        track_id: str,
        epoch: int,
        *,
        heard_sample: int,
        keep_sample: int,
        next_sample: int,
        delay_ms: int = 0,
        retry: bool = False,
    ) -> bool:
        """Like `Mailbox.heard`."""
        return await self._run(
            self._calls.heard(track_id, epoch, heard_sample, keep_sample, next_sample, delay_ms, retry)
        )

    async def unlisten(self, track_id: str) -> None:
        """Like `Mailbox.unlisten`."""
        await self._run(self._calls.unlisten(track_id))

    async def forget(self, track_id: str) -> None:
        """Like `Mailbox.forget`."""
        await self._run(self._calls.forget(track_id))

    async def status(self, track_id: str) -> Status:
        """Like `Mailbox.status`."""
        return await self._run(self._calls.status(track_id))

    async def depth(self, shard: int = 0) -> Depth:
        """Like `Mailbox.depth`."""
        return await self._run(self._calls.depth(shard))
