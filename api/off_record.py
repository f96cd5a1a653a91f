"""Routes that keep passages out of the minutes."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Path, Response
from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from api.auth.access import find_meeting
from api.auth.bearer import Reader, Writer
from api.auth.keys import Principal
from api.http import examples
from api.http.params import ID_LIMIT
from api.http.problems import responses
from api.meetings.coverage import moment
from api.meetings.routes import ANY
from api.services import Services, ServicesHere
from schema.core.errors import Conflict, Gone, InvalidInput, NotFound
from schema.core.units import s_of_samples, samples_of_s
from schema.corrections.segments import QUIET_MS, quiet_key
from schema.off_record.passages import (
    OffRecord,
    end_passage,
    lift_passage,
    mark_off_record,
    passage_out,
    passages_of,
)
from schema.off_record.wire import NewOffRecord, OffRecordEnd, OffRecordList, OffRecordOut, OffRecordSource

PassageId = Annotated[int, Path(ge=1, le=ID_LIMIT)]

router = APIRouter(
    prefix="/v1/meetings/{meeting_id}/off-record", tags=["off the record"], responses=responses(*ANY, NotFound, Gone)
)


@router.get("", summary="List the passages off the record", responses=examples.response(examples.OFF_RECORD))
def list_passages(meeting_id: str, services: ServicesHere, principal: Reader) -> OffRecordList:
    """List the passages that are not for the minutes: those that people marked, and those that were announced."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
        return OffRecordList(off_record=[passage_out(each) for each in passages_of(session, meeting_id)])


@router.post(
    "",
    summary="Take a passage off the record",
    status_code=201,
    responses={**responses(InvalidInput, Conflict), **examples.response(examples.PASSAGE, 201)},
)
def mark(meeting_id: str, new: NewOffRecord, services: ServicesHere, principal: Writer) -> OffRecordOut:
    """Keep a passage out of notes and minutes. Without `start_s` it begins now, without `end_s` it stays open.

    The transcript keeps it, marked. Notes and minutes that rest on it are written again without it.
    """
    first = _moment(services, meeting_id, principal, "start_s", new.start_s)
    end = None if new.end_s is None else samples_of_s(new.end_s)
    return _written(services, meeting_id, lambda session: mark_off_record(session, meeting_id, first, end))


@router.patch(
    "/{passage_id}",
    summary="End an open passage",
    responses={**responses(InvalidInput, Conflict), **examples.response(examples.PASSAGE)},
)
def end(
    meeting_id: str, passage_id: PassageId, wanted: OffRecordEnd, services: ServicesHere, principal: Writer
) -> OffRecordOut:
    """Go back on the record: end an open passage, by default now."""
    at = _moment(services, meeting_id, principal, "end_s", wanted.end_s)
    return _written(services, meeting_id, lambda session: end_passage(session, meeting_id, passage_id, at))


@router.delete("/{passage_id}", summary="Put a passage on the record again", status_code=204)
def lift(meeting_id: str, passage_id: PassageId, services: ServicesHere, principal: Writer) -> Response:
    """Put a marked passage on the record again. Notes and minutes of that time are written again with it."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
    with services.database.write() as session:
        lift_passage(session, meeting_id, passage_id)
    return Response(status_code=204)


def _moment(services: Services, meeting_id: str, principal: Principal, field: str, at_s: float | None) -> int:
    with services.database.read() as session:
        return moment(session, services.stores.mailbox, find_meeting(session, meeting_id, principal), field, at_s)


def _written(services: Services, meeting_id: str, work: Callable[[Session], OffRecord]) -> OffRecordOut:
    with services.database.write() as session:
        row = work(session)
        end_s = None if row.end_sample is None else s_of_samples(row.end_sample)
        written = OffRecordOut(
            id=row.id, start_s=s_of_samples(row.first_sample), end_s=end_s, source=OffRecordSource.MARKED
        )
    with suppress(RedisError):  # without Redis, the minutes are written again a little sooner, which does no harm
        services.stores.redis.set(quiet_key(meeting_id), 1, px=QUIET_MS)
    return written
