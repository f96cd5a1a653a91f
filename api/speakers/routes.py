"""Routes for the people of a meeting: who they are, what they are called, and where one of them begins to speak."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Path
from redis.exceptions import RedisError
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.auth.access import find_meeting
from api.auth.bearer import Reader, Writer
from api.auth.keys import Principal
from api.corrections.segments import SegmentId
from api.http.examples import response
from api.http.problems import responses
from api.meetings.routes import ANY
from api.meetings.transcript import marked_segment
from api.services import Services, ServicesHere
from api.speakers import examples
from schema.core.errors import Conflict, Gone, InvalidInput, NotFound, SegmentOpen
from schema.core.events import publish
from schema.core.units import s_of_samples
from schema.corrections.segments import QUIET_MS, find_segment, mark_revised, quiet_key
from schema.meetings.locks import lock_meeting, lock_tracks
from schema.meetings.tables import Meeting, Segment, Track
from schema.meetings.views import segment_event
from schema.off_record.passages import passages_of
from schema.speakers.changes import (
    find_person,
    join_people,
    name_people,
    rejoin_segment,
    separate_person,
    show_names,
    split_segment,
)
from schema.speakers.people import People, people_of
from schema.speakers.suggestions import NameSuggestion, suggested_names
from schema.speakers.tables import VoiceUnit
from schema.speakers.wire import (
    NameSuggested,
    PeopleOut,
    PersonChange,
    PersonOut,
    SegmentSplit,
    SplitSegments,
    SpokenNameOut,
)

PersonNumber = Annotated[int, Path(ge=1, le=10_000)]

router = APIRouter(prefix="/v1/meetings/{meeting_id}", tags=["speakers"], responses=responses(*ANY, NotFound, Gone))


@router.get("/people", summary="List the people of a meeting", responses=response(examples.PEOPLE))
def people(meeting_id: str, services: ServicesHere, principal: Reader) -> PeopleOut:
    """List the people whose voices were told apart, how long each spoke, and names that were spoken for them."""
    with services.database.read() as session:
        return _people_out(session, find_meeting(session, meeting_id, principal))


@router.patch(
    "/people/{number}",
    summary="Name a person, or join two people",
    responses={**responses(InvalidInput, Conflict), **response(examples.PEOPLE)},
)
def change(
    meeting_id: str, number: PersonNumber, wanted: PersonChange, services: ServicesHere, principal: Writer
) -> PeopleOut:
    """Give a person a name, or say that it is the `same_as` another one. Null takes that back.

    A name that somebody else has already makes the two one person. Transcript, exports and followers have it at once,
    and the minutes follow a few seconds later.
    """
    if not wanted.model_fields_set:
        raise InvalidInput("nothing would change; give 'name' or 'same_as'")
    _check(services, meeting_id, principal)
    with services.database.write() as session:
        _lock(session, meeting_id)
        known = people_of(session, meeting_id)
        find_person(known, number)
        if "same_as" in wanted.model_fields_set:
            if wanted.same_as is None:
                separate_person(known, number)
            else:
                join_people(known, number, wanted.same_as)
        if "name" in wanted.model_fields_set:
            name_people(known, [known.root(number)], wanted.name or None)
        session.flush()
        changed = _numbered(session, meeting_id, show_names(session, meeting_id))
    _tell(services, meeting_id, changed)
    with services.database.read() as session:
        return _people_out(session, find_meeting(session, meeting_id, principal))


@router.post(
    "/segments/{segment_id}/split",
    summary="Split a segment where somebody else begins to speak",
    responses={**responses(InvalidInput, Conflict, SegmentOpen), **response(examples.SPLIT)},
)
def split(
    meeting_id: str, segment_id: SegmentId, wanted: SegmentSplit, services: ServicesHere, principal: Writer
) -> SplitSegments:
    """Divide a closed segment before one of its words. The speaker of the new segment is yours to say and stays."""

    def change(session: Session, segment: Segment) -> list[Segment]:
        if not segment.closed:
            raise SegmentOpen(f"segment {segment_id} is still open; split it once it is closed")
        return split_segment(session, segment, wanted.word, wanted.speaker or None)

    return _divided(services, meeting_id, segment_id, principal, change)


@router.delete(
    "/segments/{segment_id}/split",
    summary="Undo the split of a segment",
    responses={**responses(InvalidInput, Conflict), **response(examples.REJOINED)},
)
def rejoin(meeting_id: str, segment_id: SegmentId, services: ServicesHere, principal: Writer) -> SplitSegments:
    """Join a segment that was split off to the one before it again. It stays in the list of changes without words."""
    return _divided(services, meeting_id, segment_id, principal, rejoin_segment)


def _divided(
    services: Services,
    meeting_id: str,
    segment_id: int,
    principal: Principal,
    change: Callable[[Session, Segment], list[Segment]],
) -> SplitSegments:
    """Apply *change*, which returns both parts, and tell followers."""
    _check(services, meeting_id, principal)
    with services.database.write() as session:
        _lock(session, meeting_id)
        segment = find_segment(session, meeting_id, segment_id)
        changed = _numbered(session, meeting_id, change(session, segment), always=True)
        passages = passages_of(session, meeting_id)
        names = _track_names(session, meeting_id)
    _tell(services, meeting_id, changed)
    return SplitSegments(segments=[marked_segment(each, names[each.track_id], passages) for each in changed])


def _check(services: Services, meeting_id: str, principal: Principal) -> None:
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)


def _lock(session: Session, meeting_id: str) -> None:
    # Tracks before the meeting: the order of `schema.meetings.locks`.
    lock_tracks(session, meeting_id)
    lock_meeting(session, meeting_id)


def _numbered(
    session: Session, meeting_id: str, changed: Sequence[Segment], *, always: bool = False
) -> Sequence[Segment]:
    """Give *changed* new numbers, and have the minutes written again."""
    if changed or always:
        last_seq = mark_revised(session, meeting_id, len(changed))
        for seq, segment in enumerate(changed, last_seq - len(changed) + 1):
            segment.seq = seq
        session.flush()
    return changed


def _tell(services: Services, meeting_id: str, changed: Sequence[Segment]) -> None:
    with suppress(RedisError):  # without Redis, the minutes are written again a little sooner, which does no harm
        services.stores.redis.set(quiet_key(meeting_id), 1, px=QUIET_MS)
    with services.database.read() as session:
        names = _track_names(session, meeting_id)
    publish(services.stores.redis, meeting_id, [segment_event(each, names[each.track_id]) for each in changed])


def _track_names(session: Session, meeting_id: str) -> dict[str, str]:
    rows = session.execute(select(Track.id, Track.name).where(Track.meeting_id == meeting_id))
    return {row.id: row.name for row in rows}


def _people_out(session: Session, meeting: Meeting) -> PeopleOut:
    known = people_of(session, meeting.id)
    wanted = select(Segment).where(Segment.meeting_id == meeting.id, Segment.closed)
    segments = session.scalars(wanted.order_by(Segment.first_sample, Segment.id)).all()
    suggestions = {each.number: each for each in suggested_names(known, segments, list(meeting.participants or ()))}
    lengths = (
        select(VoiceUnit.person, func.sum(VoiceUnit.clean_samples).label("samples"))
        .where(VoiceUnit.meeting_id == meeting.id, VoiceUnit.person.is_not(None))
        .group_by(VoiceUnit.person)
    )
    spoken = {row.person or 0: int(row.samples) for row in session.execute(lengths)}
    counts: dict[int, int] = {}
    for segment in segments:
        if segment.person is not None:
            counts[segment.person] = counts.get(segment.person, 0) + 1
    return PeopleOut(
        people=[_person_out(known, number, spoken, counts, suggestions.get(number)) for number in sorted(known.rows)],
        settled=meeting.people_settled,
    )


def _person_out(
    known: People,
    number: int,
    spoken: dict[int, int],
    counts: dict[int, int],
    suggestion: NameSuggestion | None,
) -> PersonOut:
    row = known.rows[number]
    mine = [each for each in known.rows if known.root(each) == number]
    return PersonOut(
        number=number,
        name=row.name,
        shown=known.shown(number),
        same_as=None if known.root(number) == number else known.root(number),
        by_hand=row.by_hand,
        spoke_s=s_of_samples(sum(spoken.get(each, 0) for each in mine)),
        segments=sum(counts.get(each, 0) for each in mine),
        suggestion=None if suggestion is None else _suggested(suggestion),
    )


def _suggested(suggestion: NameSuggestion) -> NameSuggested:
    return NameSuggested(
        name=suggestion.name,
        evidence=[
            SpokenNameOut(
                segment_id=each.segment.id,
                start_s=s_of_samples(each.segment.first_sample),
                kind=each.kind,
                text=each.segment.text,
            )
            for each in suggestion.evidence
        ],
    )
