"""The mailbox with blocking calls, for workers and commands."""

from __future__ import annotations

from typing import TypeVar

from redis import Redis, RedisCluster

from schema.core.states import TrackKind
from schema.mailbox.calls import NAMES, Call, Calls, check_claim, source
from schema.mailbox.limits import BATCH_DELAY_MS, CANDIDATES_PER_PLACE, CLAIM_TRIES
from schema.mailbox.records import Appended, AudioSpan, Claimed, Depth, Fill, Heard, ListenerClaim, Status
from schema.mailbox.unavailable import check_client, reachable

T = TypeVar("T")


class Mailbox:
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
        express: bool = False,
        heard: Heard | None = None,
    ) -> Status:
        """Create the mailbox if there is none, with the position and epoch from SQL and without audio.

        Its epochs continue from *epoch* in steps of random size, so that epochs of a lost mailbox are not given out
        again. An existing mailbox only moves forward to *committed_sample*, if SQL is ahead of it. An *express* batch
        track does not wait for free places: it is claimed with the live tracks. If *heard* is given, the track has a
        listener, and audio is also kept until it has heard it: of a live track within the limit of the mailbox, and a
        file waits for it.
        """
        return self._run(
            self._calls.open(track_id, committed_sample, epoch, kind, backlog_limit_samples, express, heard)
        )

    def append(self, track_id: str, first_sample: int, pcm: bytes) -> Appended:
        """Add PCM16 at *first_sample*. Samples that were received before are dropped, so audio may be sent again.

        Raises InvalidAudio, AudioTooFar, AudioGap (`expected_sample`), TrackClosed, MailboxMissing, or Backlogged
        (`received_sample`, `retry_after_ms`), in which case nothing of the piece was accepted.
        """
        return self._run(self._calls.append(track_id, first_sample, pcm))

    def skip(self, track_id: str, to_sample: int) -> Appended:
        """Mark [received, *to_sample*) as missing, because the producer has lost it. Raises the errors of `append`."""
        return self._run(self._calls.skip(track_id, to_sample))

    def flush(self, track_id: str) -> Appended:
        """Ask for the text of all audio that was received. More audio may follow.

        The track becomes due at once, and stays due until this audio is committed or more arrives. Raises
        MailboxMissing.
        """
        return self._run(self._calls.flush(track_id))

    def close(self, track_id: str, final_sample: int | None = None) -> Appended:
        """Close the track for audio and mark [received, *final_sample*) as missing. A closed track does not change.

        The track becomes due at once, even without pending audio, so that a worker finishes it. Raises MailboxMissing.
        """
        return self._run(self._calls.close(track_id, final_sample))

    def claim(self, worker: str, n: int, lease_ms: int, shard: int = 0, *, fill: Fill = "any") -> Claimed:
        """Claim up to *n* tracks for *lease_ms*: due tracks by deadline, then batch tracks as *fill* allows.

        Each claim raises the track's epoch, so an earlier holder can no longer extend, commit or release.
        """
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
        """Return the received audio of [*from_sample*, *from_sample* + *limit_samples*), in order and without gaps.

        Raises AudioTrimmed (`first_sample`) if *from_sample* was trimmed already, and MailboxMissing.
        """
        return self._run(self._calls.read(track_id, from_sample, limit_samples))

    def extend(self, track_id: str, epoch: int, lease_ms: int) -> bool:
        """Let the lease end *lease_ms* from now. Returns False if the track is no longer held under *epoch*."""
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
        """Give a track back after the SQL commit. Returns False and changes nothing if *epoch* is outdated.

        Pieces that end at or before *keep_sample* are trimmed; it must not be after *committed_sample*. *state* is
        stored and handed to the next claim. When the track is due again:

        * at once, if it was closed or flushed after the claim and *retry* is not set;
        * in *delay_ms*, if *retry* is set, if there is audio after *seen_sample*, or if it is closed and some of its
          audio is not committed;
        * otherwise when new audio arrives, but not before *delay_ms* have passed.

        *retry* keeps the number of attempts, which otherwise starts again. After a batch track, claims with `fill` =
        `one` take no other batch track before its deadline for *rest_ms*.
        """
        return self._run(
            self._calls.release(
                track_id, epoch, committed_sample, keep_sample, seen_sample, state, delay_ms, rest_ms, retry
            )
        )

    def listen(self, shard: int, lease_ms: int, n: int = CANDIDATES_PER_PLACE) -> ListenerClaim | None:
        """Lend the track whose listener has waited longest to this process for *lease_ms*. None if none waits.

        Each claim raises the track's listening epoch, so an earlier holder can no longer commit or release.
        """
        for track_id in self._run(self._calls.listenable(shard, n)):
            claim = self._run(self._calls.listen(track_id, lease_ms))
            if claim is not None:
                return claim
        return None

    def heard(
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
        """Give a track back after the listener's commit. Returns False and changes nothing if *epoch* is outdated.

        Audio from *keep_sample* on is kept for it. It may listen again when *next_sample* has been received, or when
        the track is closed and has audio that is not heard, but not before *delay_ms*. *retry* keeps the number of
        attempts.
        """
        return self._run(self._calls.heard(track_id, epoch, heard_sample, keep_sample, next_sample, delay_ms, retry))

    def unlisten(self, track_id: str) -> None:
        """End listening to a track. No audio is kept for it any more."""
        self._run(self._calls.unlisten(track_id))

    def forget(self, track_id: str) -> None:
        """Delete everything about a track."""
        self._run(self._calls.forget(track_id))

    def status(self, track_id: str) -> Status:
        """The state of one mailbox. Raises MailboxMissing."""
        return self._run(self._calls.status(track_id))

    def depth(self, shard: int = 0) -> Depth:
        """Numbers of waiting, due and held tracks in a shard, and its pending audio."""
        return self._run(self._calls.depth(shard))
