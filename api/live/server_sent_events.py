"""The route that streams a meeting as server-sent events, for viewers that send no audio."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from fastapi.sse import EventSourceResponse, ServerSentEvent, format_sse_event

from api.auth.access import find_meeting
from api.auth.bearer import Reader, wait_until_revoked
from api.auth.keys import Principal
from api.http.examples import SEGMENT
from api.http.params import DIGITS, parse_whole_number
from api.http.problems import problem_of, responses
from api.meetings.routes import ANY
from api.services import Services, ServicesHere
from schema.core.errors import Gone, NotFound
from schema.core.events import ENDING_STATES, Event

router = APIRouter(prefix="/v1/meetings", tags=["content"])


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """The position of a viewer: the meeting, and the last row that the viewer has seen."""

    meeting_id: str
    after: int


def _sent(event: Event) -> ServerSentEvent:
    seq = None if event.seq is None else str(event.seq)
    return ServerSentEvent(event=event.type, id=seq, raw_data=json.dumps(event.data, separators=(",", ":")))


def _written(event: Event) -> str:
    sent = _sent(event)
    return format_sse_event(data_str=sent.raw_data, event=sent.event, id=sent.id).decode()


STREAM = {
    "description": "The events, until the meeting has ended",
    "content": {"text/event-stream": {"example": _written(Event("segment", SEGMENT.model_dump(mode="json"), seq=1))}},
}
"""What the API reference says about the stream."""


async def place(
    meeting_id: str,
    services: ServicesHere,
    principal: Reader,
    after: Annotated[int, Query(ge=0, lt=10**DIGITS, description="Send only rows with a higher `seq`")] = 0,
    last_event_id: Annotated[str | None, Header(description="Sent by browsers; takes precedence over `after`")] = None,
) -> ResumePoint:
    """Raises NotFound, Gone, InvalidInput before the stream begins. 204 tells a browser not to reconnect."""
    if last_event_id:
        after = parse_whole_number("Last-Event-ID", last_event_id)
    if await asyncio.to_thread(_has_seen_all, services, principal, meeting_id, after) and last_event_id:
        raise HTTPException(204)
    return ResumePoint(meeting_id, after)


@router.get(
    "/{meeting_id}/events",
    summary="Stream the events of a meeting",
    response_class=EventSourceResponse,
    responses={200: STREAM, **responses(*ANY, NotFound, Gone)},
)
async def events(
    at: Annotated[ResumePoint, Depends(place)], services: ServicesHere, request: Request
) -> AsyncIterator[ServerSentEvent]:
    """Stream every row of the meeting in order, then new ones as they arrive, until the meeting has ended.

    `id` is the `seq` of the row: send it as `Last-Event-ID` to continue. Events without an `id` (`partial`, `coverage`,
    `state`) describe the moment and are not repeated. The last event is the state `finished` or `deleted`, or an
    `error` if the key was revoked.
    """
    revoking = asyncio.create_task(wait_until_revoked(services, request.state.credential))
    try:
        with services.feeds.follow(at.meeting_id, at.after) as subscription:
            revoking.add_done_callback(lambda _: subscription.close())
            async for event in subscription.events():
                yield _sent(event)
        if revoking.done():
            yield _sent(Event("error", problem_of(revoking.result())))
    finally:
        revoking.cancel()


def _has_seen_all(services: Services, principal: Principal, meeting_id: str, after: int) -> bool:
    with services.database.read() as session:
        meeting = find_meeting(session, meeting_id, principal)
        return meeting.state in ENDING_STATES and after >= meeting.seq
