"""A mailbox on an empty Redis database, a clock that tests can move, and short ways to claim and release."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from redis import Redis

from schema.core.states import TrackKind
from schema.core.units import samples_of_s
from schema.mailbox import Claim, Keys, Mailbox

LIMIT = samples_of_s(60)


@pytest.fixture
def mailbox(redis_client: Redis) -> Mailbox:
    """A mailbox with the open live track `t`."""
    mailbox = Mailbox(redis_client)
    mailbox.open("t", committed_sample=0, epoch=0, backlog_limit_samples=LIMIT)
    return mailbox


def shift_clock(client: Redis, ms: int, shard: int = 0) -> None:
    """Make the server's clock jump by *ms* for the scripts of a shard."""
    client.hincrby(Keys(shard).of_shard[0], "offset", ms)


@pytest.fixture
def pass_time(redis_client: Redis) -> Callable[[int], None]:
    """Moves the clock on by *ms* without waiting."""
    return lambda ms: shift_clock(redis_client, ms)


LEASE_MS = 600_000
PassTime = Callable[[int], None]
SECOND = bytes(32_000)


def claim_one(mailbox: Mailbox) -> Claim:
    (claim,) = mailbox.claim("w", 1, LEASE_MS).tracks
    return claim


def claimed_ids(mailbox: Mailbox, n: int = 10) -> list[str]:
    return [claim.track_id for claim in mailbox.claim("w", n, LEASE_MS).tracks]


def release(
    mailbox: Mailbox,
    claim: Claim,
    *,
    delay_ms: int = 0,
    rest_ms: int = 0,
    retry: bool = False,
    keep: int | None = None,
) -> bool:
    """Release a claim with everything committed that was received when it was taken."""
    done = claim.committed_sample if retry else claim.received_sample
    return mailbox.release(
        claim.track_id,
        claim.epoch,
        committed_sample=done,
        keep_sample=done if keep is None else keep,
        seen_sample=claim.received_sample,
        delay_ms=delay_ms,
        rest_ms=rest_ms,
        retry=retry,
    )


def open_track(mailbox: Mailbox, track_id: str, kind: TrackKind = TrackKind.LIVE, *, express: bool = False) -> None:
    mailbox.open(
        track_id,
        committed_sample=0,
        epoch=0,
        kind=kind,
        express=express,
        backlog_limit_samples=LIMIT,
    )
