"""Routes of meetings: creating, listing, showing, finishing, deleting."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy import select, tuple_
from sqlalchemy.orm import Session

from api.auth.access import find_meeting
from api.auth.bearer import Reader, Writer
from api.auth.keys import Principal
from api.http import examples
from api.http.params import decode_cursor, encode_cursor
from api.http.problems import responses
from api.live.track_writer import finish
from api.meetings.coverage import coverage_from, received_samples
from api.meetings.filters import MeetingFilter
from api.meetings.validation import check_adapters, check_template, served_language, with_defaults
from api.services import Services, ServicesHere
from schema.core.errors import (
    Forbidden,
    Gone,
    InvalidInput,
    NotFound,
    RateLimited,
    Unauthorized,
    UnknownAdapter,
    UnknownLanguage,
)
from schema.core.settings import Settings
from schema.core.states import DateSource, MeetingState, Scope, TitleSource, UploadState
from schema.core.units import s_of_samples
from schema.kept_audio.pieces import kept_samples
from schema.mailbox import Mailbox
from schema.meetings.briefing import change_briefing
from schema.meetings.lifecycle import delete_meeting
from schema.meetings.recording_date import set_recording_date
from schema.meetings.tables import Meeting, Track
from schema.meetings.views import authors
from schema.meetings.wire import MeetingChange, MeetingOut, MeetingPage, NewMeeting, TrackOut
from schema.speakers.wish import AUTO_SPEAKERS, listening
from schema.uploads.tables import Upload

ANY = (Unauthorized, Forbidden, RateLimited)
router = APIRouter(prefix="/v1/meetings", tags=["meetings"], responses=responses(*ANY))


@router.post(
    "",
    summary="Create a meeting",
    status_code=201,
    responses={**responses(InvalidInput, UnknownAdapter, UnknownLanguage), **examples.response(examples.MEETING, 201)},
)
def create(new: NewMeeting, services: ServicesHere, principal: Writer) -> MeetingOut:
    """Create a meeting. Use its id for the live socket and all other routes."""
    language = served_language(new.language, services.config.asr_model)
    _check_names(new)
    with services.database.write() as session:
        check_adapters(session, new.asr_adapter, new.summary_adapter)
        meeting = Meeting(
            id=secrets.token_hex(12),
            owner=principal.owner,
            title=new.title,
            title_from=TitleSource.CALLER if new.title else None,
            language=language,
            asr_adapter=new.asr_adapter,
            summary_adapter=new.summary_adapter,
            speakers=_listened(new, services.config),
            keeps_audio=services.config.keeps_audio,
        )
        meeting.brief(with_defaults(new, principal, services.config))
        set_recording_date(meeting, new.recorded_at, DateSource.CALLER)
        session.add(meeting)
        session.flush()
        tracks = [
            Track(
                id=secrets.token_hex(12),
                meeting_id=meeting.id,
                name=track.name,
                speaker=track.speaker,
                heard_sample=0 if meeting.speakers and (track.several or track.speaker is None) else None,
                several=track.several,
            )
            for track in new.tracks
        ]
        session.add_all(tracks)
    # In a session of its own, so that SQLite's only writer does not wait for a Redis that does not answer.
    with services.database.read() as session:
        return meeting_out(session, services.stores.mailbox, meeting)


def _listened(new: NewMeeting, config: Settings) -> str | None:
    """How many speakers are told apart, None if they are not: `auto` in the settings means meetings with one track."""
    by_default = new.speakers == AUTO_SPEAKERS and not any(track.several for track in new.tracks)
    if config.speakers == "auto" and by_default and len(new.tracks) > 1:
        return None
    return listening(new.speakers, config.voices)


@router.get("", summary="List meetings", responses={**responses(InvalidInput), **examples.response(examples.MEETINGS)})
def list_meetings(
    services: ServicesHere,
    principal: Reader,
    conditions: MeetingFilter,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(description="`next_cursor` of the previous page")] = None,
    versions: Annotated[bool, Query(description="List every version of each meeting")] = False,
) -> MeetingPage:
    """List the meetings of this key, newest first.

    Without `text`, `state`, `since` and `until` these are all. `state` may be given several times.
    """
    wanted = select(Meeting).where(Meeting.state != MeetingState.DELETED, *conditions)
    if not versions:
        wanted = wanted.where(Meeting.shown)
    if not principal.may(Scope.ADMIN):
        wanted = wanted.where(Meeting.owner == principal.owner)
    if cursor is not None:
        wanted = wanted.where(tuple_(Meeting.created_at, Meeting.id) < decode_cursor(cursor))
    with services.database.read() as session:
        newest = wanted.order_by(Meeting.created_at.desc(), Meeting.id.desc()).limit(limit + 1)
        found = session.scalars(newest).all()
        page = meetings_out(session, services.stores.mailbox, found[:limit])
    more = len(found) > limit
    return MeetingPage(
        meetings=page, next_cursor=encode_cursor(found[limit - 1].created_at, found[limit - 1].id) if more else None
    )


@router.get(
    "/{meeting_id}",
    summary="Show a meeting",
    responses={**responses(NotFound, Gone), **examples.response(examples.MEETING)},
)
def show(meeting_id: str, services: ServicesHere, principal: Reader) -> MeetingOut:
    """Show one meeting: its state, and how much of each track is received and transcribed."""
    with services.database.read() as session:
        return meeting_out(session, services.stores.mailbox, find_meeting(session, meeting_id, principal))


@router.patch(
    "/{meeting_id}",
    summary="Change participants, agenda, vocabulary, language or template of the minutes",
    responses={**responses(NotFound, Gone, InvalidInput), **examples.response(examples.MEETING)},
)
def change(meeting_id: str, wanted: MeetingChange, services: ServicesHere, principal: Writer) -> MeetingOut:
    """Change who takes part, what is on the agenda, which names to expect, and language and template of the minutes.

    New minutes spell names and terms in the new way, and chapters take their headings from the new agenda. If minutes
    are written already, they are written again a few seconds later.
    """
    if not wanted.model_fields_set:
        raise InvalidInput(
            "nothing would change; give 'participants', 'agenda', 'vocabulary', 'minutes_language' or 'template'"
        )
    check_template(wanted.template, services.config)
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
    with services.database.write() as session:
        change_briefing(session, meeting_id, wanted)
    return _show(services, meeting_id, principal)


@router.post(
    "/{meeting_id}/finish",
    summary="Finish a meeting",
    responses={**responses(NotFound, Gone), **examples.response(examples.MEETING)},
)
async def end(meeting_id: str, services: ServicesHere, principal: Writer) -> MeetingOut:
    """Finish a meeting: it takes no more audio, the rest is transcribed, and the final minutes are written.

    Finishing again changes nothing.
    """
    await asyncio.to_thread(_show, services, meeting_id, principal)
    await finish(services, meeting_id)
    return await asyncio.to_thread(_show, services, meeting_id, principal)


@router.delete("/{meeting_id}", summary="Delete a meeting", status_code=204, responses=responses(NotFound))
def remove(meeting_id: str, services: ServicesHere, principal: Writer) -> Response:
    """Delete the audio, transcript, minutes, title and briefing of a meeting for good.

    Deleting again changes nothing.
    """
    # Also for a meeting that is already deleted: this removes what a crash may have left.
    with suppress(Gone), services.database.read() as session:
        find_meeting(session, meeting_id, principal)
    delete_meeting(services.stores, meeting_id)
    return Response(status_code=204)


def meeting_out(session: Session, mailbox: Mailbox, meeting: Meeting) -> MeetingOut:
    """A meeting as clients see it, with the models that made its text."""
    (shown,) = meetings_out(session, mailbox, [meeting])
    return shown.model_copy(update={"made_by": authors(session, meeting.id)})


def meetings_out(session: Session, mailbox: Mailbox, meetings: Sequence[Meeting]) -> list[MeetingOut]:
    """Meetings as clients see them. A Redis that does not answer is asked only once."""
    ids = [meeting.id for meeting in meetings]
    tracks = session.scalars(select(Track).where(Track.meeting_id.in_(ids)).order_by(Track.name)).all()
    received = received_samples(mailbox, tracks)
    by_meeting: dict[str, list[Track]] = {meeting_id: [] for meeting_id in ids}
    for track in tracks:
        by_meeting[track.meeting_id].append(track)
    rows = session.execute(select(Upload.meeting_id, Upload.state).where(Upload.meeting_id.in_(ids)))
    uploads = {meeting_id: UploadState(state) for meeting_id, state in rows}
    kept = kept_samples(session, ids)
    return [
        _meeting_out(session, meeting, by_meeting[meeting.id], received, uploads.get(meeting.id), kept.get(meeting.id))
        for meeting in meetings
    ]


def _meeting_out(
    session: Session,
    meeting: Meeting,
    tracks: Sequence[Track],
    received: Mapping[str, int],
    upload_state: UploadState | None,
    kept_sample: int | None,
) -> MeetingOut:
    coverage = coverage_from(session, {track.id: received[track.id] for track in tracks})
    return MeetingOut(
        id=meeting.id,
        title=meeting.title,
        title_source=TitleSource(meeting.title_from) if meeting.title and meeting.title_from else None,
        language=meeting.language,
        state=MeetingState(meeting.state),
        created_at=meeting.created_at,
        started_at=meeting.started_at,
        started_at_source=DateSource(meeting.recorded_from or DateSource.CREATED),
        finished_at=meeting.finished_at,
        **meeting.briefing.model_dump(),
        speakers=meeting.speakers,
        asr_adapter=meeting.asr_adapter,
        summary_adapter=meeting.summary_adapter,
        tracks=[
            TrackOut(
                name=track.name,
                speaker=track.speaker,
                received_sample=coverage.received_samples[track.id],
                committed_sample=track.committed_sample,
                closed=track.closed_sample is not None,
            )
            for track in tracks
        ],
        coverage=coverage.totals,
        version=meeting.version,
        version_of=meeting.version_of,
        shown=meeting.shown,
        revising=meeting.revised_seq is not None,
        upload_state=upload_state,
        audio_s=None if kept_sample is None else s_of_samples(kept_sample),
    )


def _show(services: Services, meeting_id: str, principal: Principal) -> MeetingOut:
    return show(meeting_id, services, principal)


def _check_names(new: NewMeeting) -> None:
    names = [track.name for track in new.tracks]
    double = next((name for name in names if names.count(name) > 1), None)
    if double is not None:
        raise InvalidInput(f"two tracks are called '{double}'; give each track a name of its own", track=double)
