"""Routes of failed tasks: listing them and replaying them. `minutebook failures` replays them in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from api.auth.bearer import Admin
from api.fleet import examples
from api.fleet.replay import enqueue
from api.http.examples import response
from api.http.params import ID_LIMIT
from api.http.problems import responses
from api.meetings.routes import ANY
from api.services import Services, ServicesHere
from schema.core.errors import NotFound, Unavailable
from schema.core.tables import now
from schema.fleet.wire import FailureOut, FailurePage, Replayed
from schema.meetings.tables import Failure

REPLAYS_LIMIT = 200
"""Failures that one request replays. Each is a message to the broker."""
FailureId = Annotated[int, Path(ge=1, le=ID_LIMIT)]

router = APIRouter(prefix="/v1/failures", tags=["operation"], responses=responses(*ANY))


@router.get("", summary="List failed tasks", responses=response(examples.FAILURES))
def list_failures(
    services: ServicesHere,
    _principal: Admin,
    replayed: Annotated[bool, Query(description="Also list those that were replayed")] = False,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[int | None, Query(ge=1, le=ID_LIMIT, description="`next_cursor` of the previous page")] = None,
) -> FailurePage:
    """List the tasks that failed for good, newest first. Needs the scope `admin`."""
    with services.database.read() as session:
        return failure_page(session, limit=limit, cursor=cursor, replayed=replayed)


@router.post(
    "/{failure_id}/replay",
    summary="Replay a failed task",
    status_code=202,
    responses={**responses(NotFound, Unavailable), **response(examples.REPLAYED_FAILURE, 202)},
)
def replay(failure_id: FailureId, services: ServicesHere, _principal: Admin) -> FailureOut:
    """Enqueue a failed task again. If it was replayed already, nothing happens. Needs the scope `admin`."""
    with services.database.read() as session:
        row = session.get(Failure, failure_id)
    if row is None:
        raise NotFound(f"no failure has the id {failure_id}; 'GET /v1/failures?replayed=true' lists all")
    if row.replayed_at is None:
        _replay(services, [row])
    with services.database.read() as session:
        return FailureOut.model_validate(session.get_one(Failure, failure_id))


@router.post(
    "/replay",
    summary="Replay all failed tasks",
    status_code=202,
    responses={**responses(Unavailable), **response(examples.REPLAYED, 202)},
)
def replay_all(services: ServicesHere, _principal: Admin) -> Replayed:
    """Enqueue the oldest 200 failed tasks that were not replayed. Needs the scope `admin`."""
    oldest = select(Failure).where(Failure.replayed_at.is_(None)).order_by(Failure.id).limit(REPLAYS_LIMIT)
    with services.database.read() as session:
        rows = session.scalars(oldest).all()
    _replay(services, rows)
    with services.database.read() as session:
        return Replayed(replayed=len(rows), left=_count_waiting(session))


def _replay(services: Services, rows: Sequence[Failure]) -> None:
    """Enqueue the tasks, then mark the rows. After a crash in between a task runs twice, which does no harm."""
    enqueue(services.config.redis_url, rows)
    with services.database.write() as session:
        ids = [row.id for row in rows]
        session.execute(
            update(Failure).where(Failure.id.in_(ids), Failure.replayed_at.is_(None)).values(replayed_at=now())
        )


def failure_page(session: Session, limit: int, cursor: int | None = None, *, replayed: bool = False) -> FailurePage:
    """The newest failures before the id *cursor*; with *replayed*, also those that were replayed."""
    wanted = select(Failure)
    if not replayed:
        wanted = wanted.where(Failure.replayed_at.is_(None))
    if cursor is not None:
        wanted = wanted.where(Failure.id < cursor)
    found = session.scalars(wanted.order_by(Failure.id.desc()).limit(limit + 1)).all()
    page = [FailureOut.model_validate(each) for each in found[:limit]]
    more = len(found) > limit
    return FailurePage(failures=page, waiting=_count_waiting(session), next_cursor=page[-1].id if more else None)


def _count_waiting(session: Session) -> int:
    return session.scalar(select(func.count()).select_from(Failure).where(Failure.replayed_at.is_(None))) or 0
