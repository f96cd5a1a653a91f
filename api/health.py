"""Health checks: is the process alive, can it work, and how much audio waits."""

from __future__ import annotations

import logging
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from redis.exceptions import RedisError

from api.auth.bearer import Reader, authenticate, credential_of
from api.http.examples import response
from api.http.problems import responses
from api.services import Services, ServicesHere
from schema.core import migrate, queues
from schema.core.database import check_writable
from schema.core.errors import Forbidden, MinutebookError, Unauthorized, Unavailable
from schema.core.units import s_of_samples
from schema.core.wire import PartStatus, QueueStatus, Readiness, ShardStatus, SystemStatus
from schema.fleet.orders import paused_queues
from schema.mailbox.unavailable import address, reachable

REDIS = PartStatus(ok=True, detail="127.0.0.1:6379/0")
READY = Readiness(ready=True, parts={"redis": REDIS, "database": PartStatus(ok=True, detail="at revision 0007")})
NOT_READY = Readiness(
    ready=False,
    parts={
        "redis": REDIS,
        "database": PartStatus(ok=False, detail="at revision 0006, but 0007 is needed; run 'minutebook db upgrade'"),
    },
)
STATUS = SystemStatus(
    pending_s=3.5,
    shards=[ShardStatus(shard=0, waiting_tracks=3, due_tracks=1, leased_tracks=2, pending_s=3.5)],
    queues=[QueueStatus(queue="summarize", waiting=2, oldest_s=4.1)],
    followed_meetings=2,
)

log = logging.getLogger(__name__)
router = APIRouter(tags=["health"])


@router.get(
    "/healthz",
    summary="Check that the process is alive",
    responses={200: {"content": {"application/json": {"example": {"status": "ok"}}}}},
)
async def healthz() -> dict[str, str]:
    """Report that the process is alive."""
    return {"status": "ok"}


NOT_READY_ANSWER = {
    "model": Readiness,
    "description": "A part of the system cannot be used",
    **response(NOT_READY, 503)[503],
}


async def has_key(request: Request, services: ServicesHere) -> bool:
    """Whether the request has a valid key, or the API asks for none."""
    try:
        await authenticate(services, credential_of(request))
    except MinutebookError:
        return False
    return True


@router.get("/readyz", summary="Check that the system is ready", responses={**response(READY), 503: NOT_READY_ANSWER})
def readyz(services: ServicesHere, answer: Response, has_key: Annotated[bool, Depends(has_key)]) -> Readiness:
    """Report whether Redis answers, and whether the database is writable and at the revision that is needed.

    Addresses and reasons are shown if the request has a valid key, or if the API asks for none.
    """
    parts = {"redis": _redis(services), "database": _database(services)}
    away = {name: part for name, part in parts.items() if not part.ok}
    for name, part in away.items():
        log.warning("%s: %s", name, part.detail)
    if away:
        answer.status_code = 503
    return Readiness(ready=not away, parts=parts if has_key else {name: _bare(part) for name, part in parts.items()})


@router.get(
    "/v1/status",
    summary="Show how much work waits",
    tags=["status"],
    responses={**responses(Unauthorized, Forbidden, Unavailable), **response(STATUS)},
)
def status(services: ServicesHere, _principal: Reader) -> SystemStatus:
    """Report how much audio waits to be transcribed, how many messages wait in each queue, and which are paused."""
    shards = [_shard(services, shard) for shard in range(services.config.shards)]
    return SystemStatus(
        pending_s=sum(shard.pending_s for shard in shards),
        shards=shards,
        queues=[queue_status(services, name) for name in queues.served_queues(services.config.voices)],
        followed_meetings=services.feeds.count,
    )


def _bare(part: PartStatus) -> PartStatus:
    """What everybody may know about *part*."""
    why = "cannot be used; send an API key to see why, or read the log of the API"
    return PartStatus(ok=part.ok, detail="can be used" if part.ok else why)


def _redis(services: Services) -> PartStatus:
    where = address(services.stores.redis)
    try:
        services.stores.redis.ping()
    except RedisError as error:
        return PartStatus(ok=False, detail=f"Redis at {where} does not answer ({error}); check that it is running")
    return PartStatus(ok=True, detail=where)


def _database(services: Services) -> PartStatus:
    needed = migrate.head()
    try:
        current = migrate.current(services.database)
        if current != needed:
            return PartStatus(
                ok=False, detail=f"at revision {current}, but {needed} is needed; run 'minutebook db upgrade'"
            )
        check_writable(services.database)
    except MinutebookError as error:
        return PartStatus(ok=False, detail=error.detail)
    return PartStatus(ok=True, detail=f"at revision {current}")


def queue_status(services: Services, name: str) -> QueueStatus:
    """How many messages wait in a queue, and whether it is paused. Raises Unavailable."""
    with reachable(services.stores.redis):
        length = queues.queue_length(services.stores.redis, name)
        paused = name in paused_queues(services.stores.redis)
    return QueueStatus(queue=name, waiting=length.waiting, paused=paused, oldest_s=length.oldest_s)


def _shard(services: Services, shard: int) -> ShardStatus:
    depth = services.stores.mailbox.depth(shard)
    return ShardStatus(
        shard=shard,
        waiting_tracks=depth.ready,
        due_tracks=depth.due,
        leased_tracks=depth.leased,
        pending_s=s_of_samples(depth.pending_samples),
    )
