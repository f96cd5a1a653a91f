"""The route that searches the transcripts of all meetings that a key may see."""

from __future__ import annotations

import base64
from typing import Annotated

from fastapi import APIRouter, Query

from api.auth.access import find_meeting
from api.auth.bearer import Reader
from api.http import examples
from api.http.params import ID_LIMIT
from api.http.problems import responses
from api.meetings.routes import ANY
from api.services import ServicesHere
from schema.core.errors import Gone, InvalidInput, NotFound
from schema.core.states import Scope
from schema.core.units import s_of_samples
from schema.meetings.search import Hit, SearchScope, last_segment_id, parse_query, search
from schema.meetings.wire import SearchHit, SearchPage

OFFSET_LIMIT = 1000
"""The pages of one search end here. More words narrow a search down."""

router = APIRouter(prefix="/v1/search", tags=["search"], responses=responses(*ANY))


@router.get(
    "", summary="Search transcripts", responses={**responses(NotFound, Gone), **examples.response(examples.SEARCH)}
)
def find(
    services: ServicesHere,
    principal: Reader,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=300,
            description='Words, "a phrase", or the beginning of a word with `*`, such as `laun*`',
        ),
    ],
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the previous page")] = None,
    meeting: Annotated[str | None, Query(description="Search only this meeting")] = None,
) -> SearchPage:
    """Find the segments that contain all words of `q`, best first. `q` has no operators except quotes and `*`."""
    terms = parse_query(q)
    owner = None if principal.may(Scope.ADMIN) else principal.owner
    with services.database.read() as session:
        if meeting is not None:
            find_meeting(session, meeting, principal)
        offset, through_id = _decode_cursor(cursor) if cursor is not None else (0, last_segment_id(session))
        hits = search(session, terms, SearchScope(owner, meeting, through_id), limit + 1, offset)
    end = offset + limit
    more = len(hits) > limit and end < OFFSET_LIMIT
    return SearchPage(
        hits=[_hit_out(hit) for hit in hits[:limit]],
        next_cursor=_encode_cursor(end, through_id) if more else None,
    )


def _hit_out(hit: Hit) -> SearchHit:
    return SearchHit(
        meeting_id=hit.meeting.id,
        title=hit.meeting.title,
        segment_id=hit.segment.id,
        track=hit.track,
        speaker=hit.segment.speaker,
        start_s=s_of_samples(hit.segment.first_sample),
        end_s=s_of_samples(hit.segment.end_sample),
        rank=hit.rank,
        snippet=hit.snippet,
        marks=hit.marks,
    )


def _encode_cursor(offset: int, through_id: int) -> str:
    return base64.urlsafe_b64encode(f"{offset} {through_id}".encode()).decode()


def _decode_cursor(cursor: str) -> tuple[int, int]:
    try:
        offset, through_id = map(int, base64.urlsafe_b64decode(cursor).decode().split(" "))
    except ValueError as error:
        raise _no_cursor(cursor) from error
    if not (0 <= offset < OFFSET_LIMIT and 0 <= through_id <= ID_LIMIT):
        raise _no_cursor(cursor)
    return offset, through_id


def _no_cursor(cursor: str) -> InvalidInput:
    return InvalidInput(f"cursor {cursor[:40]!r} is not valid; use `next_cursor` of the previous page")
