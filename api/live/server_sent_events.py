"""Server-sent events: a meeting to whoever only watches."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent

from api.auth.access import find_meeting
from api.auth.bearer import Reader, bearer_key, revoked
from api.auth.keys import Principal
from api.http.params import DIGITS, whole_number
from api.http.problems import problem_of, responses
from api.meetings.routes import ANY
from api.services import Services, ServicesHere
from schema.core.errors import Gone, NotFound
from schema.core.events import ENDING_STATES, Event

router = APIRouter(prefix="/v1/meetings", tags=["content"])


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """A viewer's place: the meeting, and the last row that it has seen."""

    meeting_id: str
    after: int


async def place(
    meeting_id: str,
    services: ServicesHere,
    principal: Reader,
    after: Annotated[int, Query(ge=0, lt=10**DIGITS, description="Only rows with a higher `seq`")] = 0,
    last_event_id: Annotated[str | None, Header(description="As a browser sends it; goes before `after`")] = None,
) -> ResumePoint:
    """Raises NotFound, Gone, InvalidInput before the stream begins; 204 tells a browser not to come back."""
    if last_event_id:
        after = whole_number("Last-Event-ID", last_event_id)
    if await asyncio.to_thread(_has_seen_all, services, principal, meeting_id, after) and last_event_id:
        raise HTTPException(204)
    return ResumePoint(meeting_id, after)


@router.get("/{meeting_id}/events", response_class=EventSourceResponse, responses=responses(*ANY, NotFound, Gone))
async def events(
    at: Annotated[ResumePoint, Depends(place)], services: ServicesHere, request: Request
) -> AsyncIterator[ServerSentEvent]:
    """Every row of the meeting in order, then new ones as they come, until it has ended.

    `id` is the row's `seq`: send it back as `Last-Event-ID` to go on. Events without one (`partial`, `coverage`,
    `state`) are of the moment. The last event is the state `finished` or `deleted`, or an `error` when the key is
    revoked.
    """
    revoking = asyncio.create_task(revoked(services, bearer_key(request.headers.get("authorization"))))
    try:
        with services.feeds.follow(at.meeting_id, at.after) as subscription:
            revoking.add_done_callback(lambda _: subscription.close())
            async for event in subscription.events():
                yield _sent(event)
        if revoking.done():
            yield _sent(Event("error", problem_of(revoking.result())))
    finally:
        revoking.cancel()


def _sent(event: Event) -> ServerSentEvent:
    seq = None if event.seq is None else str(event.seq)
    return ServerSentEvent(event=event.type, id=seq, raw_data=json.dumps(event.data, separators=(",", ":")))


def _has_seen_all(services: Services, principal: Principal, meeting_id: str, after: int) -> bool:
    with services.database.read() as session:
        meeting = find_meeting(session, meeting_id, principal)
        return meeting.state in ENDING_STATES and after >= meeting.seq
