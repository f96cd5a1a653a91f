"""The mailbox for workers and commands: blocking calls."""

from __future__ import annotations

from typing import TypeVar

from redis import Redis, RedisCluster

from schema.core.states import TrackKind
from schema.mailbox.calls import NAMES, Call, Calls, check_claim, source
from schema.mailbox.limits import BATCH_DELAY_MS, CANDIDATES_PER_PLACE, CLAIM_TRIES
from schema.mailbox.records import Appended, AudioSpan, Claimed, Depth, Fill, Status
from schema.mailbox.unavailable import check_client, reachable

T = TypeVar("T")


class Mailbox:
    """The mailboxes behind one Redis or Redis Cluster.

    *client* must not decode responses, since audio is bytes. *shards* must be the same in every process.
    Every call raises Unavailable when Redis cannot be reached or cannot write.
    """

    def __init__(self, client: Redis | RedisCluster, shards: int = 1, *, batch_delay_ms: int = BATCH_DELAY_MS) -> None:
        check_client(client)
        self.client = client
        self.shards = shards
        self._calls = Calls(shards, batch_delay_ms)
        self._scripts = {name: client.register_script(source(name)) for name in NAMES}

    def _run(self, call: Call[T]) -> T:
        with reachable(self.client):
            answer = self._scripts[call.script](keys=call.keys, args=call.args)
        return call.parse(answer)

    def open(
        self,
        track_id: str,
        *,
        committed_sample: int,
        epoch: int,
        backlog_limit_samples: int,
        kind: TrackKind = TrackKind.LIVE,
    ) -> Status:
        """Create the mailbox if it is absent, from what SQL has: nothing received past *committed_sample*.

        Its epochs go on from *epoch*, in steps of chance: those that a lost mailbox gave out do not come again.
        One that exists is only brought forward to *committed_sample* where SQL is ahead of it.
        """
        return self._run(self._calls.open(track_id, committed_sample, epoch, kind, backlog_limit_samples))

    def append(self, track_id: str, first_sample: int, pcm: bytes) -> Appended:
        """Put PCM16 at *first_sample*; what was received before is dropped, so anything may be sent again.

        Raises InvalidAudio, AudioTooFar, AudioGap (`expected_sample`), Backlogged (`received_sample`,
        `retry_after_ms`; nothing of the piece was taken), TrackClosed, MailboxMissing.
        """
        return self._run(self._calls.append(track_id, first_sample, pcm))

    def skip(self, track_id: str, to_sample: int) -> Appended:
        """Mark [received, *to_sample*) as missing: the producer lost it for good. Errors as for `append`."""
        return self._run(self._calls.skip(track_id, to_sample))

    def close(self, track_id: str, final_sample: int | None = None) -> Appended:
        """Take no more audio. What is missing up to *final_sample* is marked so. A closed track stays as it is.

        The track becomes due at once, with or without pending audio, so that a worker settles it.
        """
        return self._run(self._calls.close(track_id, final_sample))

    def claim(self, worker: str, n: int, lease_ms: int, shard: int = 0, *, fill: Fill = "any") -> Claimed:
        """Lend up to *n* due tracks to *worker* for *lease_ms*: by deadline, then batch ones as *fill* says."""
        check_claim(n, lease_ms)
        for _ in range(CLAIM_TRIES):
            claimed, candidates = self._run(self._calls.due(shard, n * CANDIDATES_PER_PLACE, fill))
            if not candidates:
                return claimed
            claimed = self._run(self._calls.claim(shard, candidates, worker, n, lease_ms, fill))
            if claimed.tracks or not claimed.more:
                return claimed
        return claimed

    def read(self, track_id: str, from_sample: int, limit_samples: int) -> list[AudioSpan]:
        """The audio of [*from_sample*, *from_sample* + *limit_samples*) as far as received, in order, without holes.

        Raises AudioTrimmed (`first_sample`) when the mailbox no longer reaches back so far, MailboxMissing.
        """
        return self._run(self._calls.read(track_id, from_sample, limit_samples))

    def extend(self, track_id: str, epoch: int, lease_ms: int) -> bool:
        """Let the lease end *lease_ms* from now. False when the track is no longer held under *epoch*."""
        return self._run(self._calls.extend(track_id, epoch, lease_ms))

    def release(
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
        """Give a track back after the SQL commit. False, and nothing changes, when *epoch* is outdated.

        Pieces that end by *keep_sample* (at most *committed_sample*) are trimmed. The track is due again in
        *delay_ms* when audio came after *seen_sample*, *retry* is set, or it is closed with audio not committed;
        at once when it was closed after the claim. Otherwise it waits for new audio, which makes it due no sooner
        than in *delay_ms*. *retry* keeps the count of attempts. After a batch track no claim that takes `one` takes
        another before its deadline for *rest_ms*.
        """
        return self._run(
            self._calls.release(
                track_id, epoch, committed_sample, keep_sample, seen_sample, state, delay_ms, rest_ms, retry
            )
        )

    def forget(self, track_id: str) -> None:
        """Delete everything about a track."""
        self._run(self._calls.forget(track_id))

    def status(self, track_id: str) -> Status:
        """How one mailbox stands. Raises MailboxMissing."""
        return self._run(self._calls.status(track_id))

    def depth(self, shard: int = 0) -> Depth:
        """How much waits in a shard."""
        return self._run(self._calls.depth(shard))
