"""The mailbox of every track and the ready set of every shard, in Redis, as atomic scripts.

    mailbox = Mailbox(Redis(...))
    mailbox.open("t1", committed_sample=0, epoch=0, backlog_limit_samples=samples_of_s(900))
    mailbox.append("t1", 0, pcm)                                      # a producer
    for claim in mailbox.claim("worker-1", 16, lease_ms=20_000).tracks:    # a worker
        spans = mailbox.read(claim.track_id, claim.committed_sample, WINDOW_LIMIT_SAMPLES)
        ...                                                           # decode, commit to SQL
        mailbox.release(claim.track_id, claim.epoch, committed_sample=..., keep_sample=..., seen_sample=...,
                        state=b"...", delay_ms=700)

`Mailbox` is for workers, `AsyncMailbox` for the API; both run the same scripts on Redis or a Redis Cluster.

Memory of a track: 2 bytes for every sample between the oldest one kept and the newest, at most `backlog_limit_samples`
(or one piece of 1 MiB) past what is committed, plus what its worker keeps as left context; and about 140 bytes for each
piece, of which there are at most `backlog_limit_samples / 160` (at least 1000) before producers have to wait.
Redis must never evict (`maxmemory-policy noeviction`); when it is full, appending stops and workers go on.
"""

from schema.mailbox.aio import AsyncMailbox
from schema.mailbox.keys import Keys, shard_of
from schema.mailbox.records import Appended, AudioSpan, Claim, Claimed, Depth, Fill, Status
from schema.mailbox.sync import Mailbox

__all__ = [
    "Appended",
    "AsyncMailbox",
    "AudioSpan",
    "Claim",
    "Claimed",
    "Depth",
    "Fill",
    "Keys",
    "Mailbox",
    "Status",
    "shard_of",
]
