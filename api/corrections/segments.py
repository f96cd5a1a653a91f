"""Routes that correct a transcript: text and speaker of a segment, the name of a speaker, and their history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.access import find_meeting
from api.auth.bearer import Reader, Writer
from api.auth.keys import Principal
from api.corrections import examples as shown
from api.http.examples import SEGMENT, response
from api.http.params import ID_LIMIT, IfMatch, etag_of, expected_version
from api.http.problems import responses
from api.meetings.routes import ANY
from api.meetings.transcript import marked_segment
from api.services import Services, ServicesHere
from schema.core.errors import Conflict, Gone, InvalidInput, NotFound, SegmentOpen, VersionMismatch
from schema.core.events import publish
from schema.core.states import Origin
from schema.core.units import s_of_samples
from schema.corrections.segments import QUIET_MS, Correction, correct, find_segment, quiet_key, rename_speaker, undo
from schema.corrections.wire import (
    CorrectionOut,
    CorrectionPage,
    SegmentChange,
    SegmentVersion,
    SegmentVersions,
    SpeakerChange,
    SpeakerChanged,
)
from schema.meetings.tables import Segment, Track
from schema.meetings.views import segment_event
from schema.meetings.wire import SegmentOut
from schema.off_record.passages import passages_of

SegmentId = Annotated[int, Path(ge=1, le=ID_LIMIT)]

router = APIRouter(prefix="/v1/meetings/{meeting_id}", tags=["corrections"], responses=responses(*ANY, NotFound, Gone))


@router.get("/segments/{segment_id}", summary="Show a segment", responses=response(SEGMENT))
def show(
    meeting_id: str, segment_id: SegmentId, services: ServicesHere, principal: Reader, answer: Response
) -> SegmentOut:
    """Show one segment, with its words, and the version to send with a change."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
        found = _segment_out(session, find_segment(session, meeting_id, segment_id))
    return _tagged(answer, found)


@router.patch(
    "/segments/{segment_id}",
    summary="Correct a segment",
    responses={**responses(SegmentOpen, Conflict, VersionMismatch, InvalidInput), **response(shown.CORRECTED)},
)
def change(
    meeting_id: str,
    segment_id: SegmentId,
    wanted: SegmentChange,
    services: ServicesHere,
    principal: Writer,
    answer: Response,
    if_match: IfMatch = None,
) -> SegmentOut:
    """Correct the text or the speaker of a closed segment, during the meeting or after it.

    The original and all versions are kept. Transcript, exports and search have the correction at once, and followers
    receive the segment again. The minutes, and the notes whose evidence includes the segment, are written again a few
    seconds after the last correction. A request that changes nothing adds no version, so you may repeat it.
    """
    fields = {name: getattr(wanted, name) or None for name in wanted.model_fields_set}
    if not fields:
        raise InvalidInput("nothing would change; give 'text', 'speaker' or both")
    if "text" in fields:
        fields["text"] = wanted.text
    expected = expected_version(if_match)

    def work(session: Session) -> list[Segment]:
        return [correct(session, meeting_id, segment_id, fields, principal.owner, expected)]

    return _tagged(answer, _written(services, principal, meeting_id, work)[0])


@router.delete(
    "/segments/{segment_id}/correction",
    summary="Undo the corrections of a segment",
    responses={**responses(SegmentOpen, Conflict, VersionMismatch), **response(SEGMENT)},
)
def restore(
    meeting_id: str,
    segment_id: SegmentId,
    services: ServicesHere,
    principal: Writer,
    answer: Response,
    if_match: IfMatch = None,
) -> SegmentOut:
    """Restore what was heard, as another version. Restoring again changes nothing."""
    expected = expected_version(if_match)

    def work(session: Session) -> list[Segment]:
        return [undo(session, meeting_id, segment_id, principal.owner, expected)]

    return _tagged(answer, _written(services, principal, meeting_id, work)[0])


@router.get(
    "/segments/{segment_id}/versions", summary="List the versions of a segment", responses=response(shown.VERSIONS)
)
def versions(meeting_id: str, segment_id: SegmentId, services: ServicesHere, principal: Reader) -> SegmentVersions:
    """List all versions of a segment, from what was heard to the present one."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
        segment = find_segment(session, meeting_id, segment_id)
        chosen = select(Correction).where(Correction.segment_id == segment_id).order_by(Correction.version)
        changes = session.scalars(chosen).all()
    return SegmentVersions(segment_id=segment_id, versions=[_heard(segment, changes), *map(_version_out, changes)])


@router.patch("/speakers", summary="Rename a speaker", responses={**responses(Conflict), **response(shown.RENAMED)})
def rename(meeting_id: str, wanted: SpeakerChange, services: ServicesHere, principal: Writer) -> SpeakerChanged:
    """Rename a speaker in all segments of the meeting, including those that are still to come.

    With `speaker` null it names the speaker of the segments that have none. With `track` it applies to that track only.
    Each segment keeps its history.
    """

    def work(session: Session) -> list[Segment]:
        names = wanted.speaker or None, wanted.new_speaker or None
        return rename_speaker(session, meeting_id, *names, wanted.track, principal.owner)

    return SpeakerChanged(segments=len(_written(services, principal, meeting_id, work)))


@router.get("/corrections", summary="List corrections", responses=response(shown.CORRECTIONS))
def list_corrections(
    meeting_id: str,
    services: ServicesHere,
    principal: Reader,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    cursor: Annotated[int | None, Query(ge=1, le=ID_LIMIT, description="`next_cursor` of the previous page")] = None,
) -> CorrectionPage:
    """List all corrections of the transcript, and those that could not be carried over from the previous version."""
    chosen = select(Correction, Track.name).outerjoin(Track, Track.id == Correction.track_id)
    chosen = chosen.where(Correction.meeting_id == meeting_id, Correction.id > (cursor or 0))
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
        found = session.execute(chosen.order_by(Correction.id).limit(limit + 1)).all()
    page = [_correction_out(correction, track) for correction, track in found[:limit]]
    return CorrectionPage(corrections=page, next_cursor=page[-1].id if len(found) > limit else None)


def _written(
    services: Services, principal: Principal, meeting_id: str, work: Callable[[Session], list[Segment]]
) -> list[SegmentOut]:
    """Do *work* in one transaction, publish the segments to followers, and return them."""
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
    with services.database.write() as session:
        segments = work(session)
        tracks = session.execute(select(Track.id, Track.name).where(Track.meeting_id == meeting_id))
        names = {row.id: row.name for row in tracks}
        passages = passages_of(session, meeting_id)
    with suppress(RedisError):  # without Redis, the minutes are written again a little sooner, which does no harm
        services.stores.redis.set(quiet_key(meeting_id), 1, px=QUIET_MS)
    publish(services.stores.redis, meeting_id, [segment_event(each, names[each.track_id]) for each in segments])
    return [marked_segment(each, names[each.track_id], passages) for each in segments]


def _segment_out(session: Session, segment: Segment) -> SegmentOut:
    name = session.get_one(Track, segment.track_id).name
    return marked_segment(segment, name, passages_of(session, segment.meeting_id))


def _tagged(answer: Response, segment: SegmentOut) -> SegmentOut:
    answer.headers["ETag"] = etag_of(segment.version)
    return segment


def _heard(segment: Segment, changes: Sequence[Correction]) -> SegmentVersion:
    text = changes[0].original_text if changes else segment.text
    speaker = changes[0].original_speaker if changes else segment.speaker
    return SegmentVersion(version=1, text=text, speaker=speaker, model=segment.model)


def _version_out(change: Correction) -> SegmentVersion:
    return SegmentVersion(
        version=change.version or 1,
        text=change.text,
        speaker=change.speaker,
        author=change.author,
        origin=Origin(change.origin),
        created_at=change.created_at,
    )


def _correction_out(correction: Correction, track: str | None) -> CorrectionOut:
    return CorrectionOut(
        id=correction.id,
        segment_id=correction.segment_id,
        version=correction.version,
        track=track,
        start_s=s_of_samples(correction.first_sample),
        end_s=s_of_samples(correction.end_sample),
        original_text=correction.original_text,
        original_speaker=correction.original_speaker,
        text=correction.text,
        speaker=correction.speaker,
        author=correction.author,
        origin=Origin(correction.origin),
        reason=correction.reason,
        created_at=correction.created_at,
    )
