"""Mailboxes of tracks and ready sets of shards, kept in Redis by atomic scripts.

    mailbox = Mailbox(Redis(...))
    mailbox.open("t1", committed_sample=0, epoch=0, backlog_limit_samples=samples_of_s(900))
    mailbox.append("t1", 0, pcm)                                      # a producer
    for claim in mailbox.claim("worker-1", 16, lease_ms=20_000).tracks:    # a worker
        spans = mailbox.read(claim.track_id, claim.committed_sample, WINDOW_LIMIT_SAMPLES)
        ...                                                           # decode, commit to SQL
        mailbox.release(claim.track_id, claim.epoch, committed_sample=..., keep_sample=..., seen_sample=...,
                        state=b"...", delay_ms=700)

`Mailbox` is for workers, `AsyncMailbox` for the API. Both run the same scripts on Redis or on a Redis Cluster.

Epochs. Every claim raises the track's epoch, and the holder must give it to extend, commit and release. So when a lease
ends and another worker claims the track, a worker that was only slow cannot write any more. An epoch must never be
given out twice, even by a Redis that lost its data. A track's epochs therefore continue from the last one in SQL. Each
step has a random size, because a worker from before the loss may hold an epoch that SQL has never seen.

A track may have a second reader, the listener, who tells its speakers apart. It has a position and epochs of its own,
and claims and releases of the two do not touch each other. Audio is trimmed when both have read it. If the listener of
a live track is behind, at most a third of the limit is kept for it, and then it loses the oldest. A producer never
waits for it, but a file does.

A track needs 2 bytes for each sample that is kept and about 140 bytes for each piece. The samples kept are the left
context of its worker and the audio that is not committed. The latter is limited to `backlog_limit_samples`, or to one
piece of 1 MiB if that is more. There are at most `backlog_limit_samples / 160` pieces, but 1000 are always allowed.
Beyond either limit producers must wait. Redis must never evict (`maxmemory-policy noeviction`). When it is full,
appending stops and workers continue.
"""

from schema.mailbox.aio import AsyncMailbox
from schema.mailbox.keys import Keys, shard_of
from schema.mailbox.records import Appended, AudioSpan, Claim, Claimed, Depth, Fill, Heard, ListenerClaim, Status
from schema.mailbox.sync import Mailbox

__all__ = [
    "Appended",
    "AsyncMailbox",
    "AudioSpan",
    "Claim",
    "Claimed",
    "Depth",
    "Fill",
    "Heard",
    "Keys",
    "ListenerClaim",
    "Mailbox",
    "Status",
    "shard_of",
]
