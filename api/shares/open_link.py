"""What somebody with a share link sees. These routes need no key; each address may send some requests a minute."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, Depends, Request, Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.auth.keys import Principal
from api.http.examples import COVERAGE, MINUTES, SEGMENT, STARTED_AT, response
from api.http.problems import responses
from api.kept_audio.mix import MeetingAudio
from api.kept_audio.ranges import audio_answer
from api.kept_audio.routes import WAV
from api.meetings.minutes import read_minutes
from api.meetings.routes import meeting_out
from api.meetings.transcript import read_segments, track_coverages
from api.services import ServicesHere, services_of
from api.shares.routes import hash_of
from schema.core.errors import AudioNotKept, BeyondEnd, Gone, NotFound, RateLimited
from schema.core.states import MeetingState, ShareScope
from schema.core.tables import now
from schema.core.units import MEETING_LIMIT_SAMPLES
from schema.kept_audio.pieces import pieces_of
from schema.meetings.tables import Meeting
from schema.meetings.wire import SegmentOut
from schema.off_record.passages import passages_of
from schema.shares.tables import ShareLink
from schema.shares.wire import SharedMeeting

REQUESTS_PER_MINUTE = 240
"""Enough for a player, and too few to guess: a token has 256 bits."""
PRIVATE = {"Cache-Control": "private, no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex"}
EXAMPLE = SharedMeeting(
    title="Launch",
    language="en",
    started_at=STARTED_AT,
    duration_s=12.0,
    scope=ShareScope.AUDIO,
    ends_at=STARTED_AT.replace(month=4),
    minutes=MINUTES,
    segments=[SEGMENT],
    coverage=COVERAGE.tracks,
    audio_s=12.0,
)


async def count_request(request: Request) -> None:
    """Raises RateLimited if the caller's address sends too many requests."""
    address = request.client.host if request.client else ""
    caller = Principal(f"shared:{address}", frozenset(), REQUESTS_PER_MINUTE)
    await services_of(request).limiter.take(caller)


router = APIRouter(
    prefix="/s/{token}",
    tags=["shares"],
    dependencies=[Depends(count_request)],
    responses=responses(NotFound, Gone, RateLimited),
)


@dataclass(frozen=True, slots=True)
class OpenedShare:
    """A link that is in force, and its meeting."""

    share: ShareLink
    meeting: Meeting

    @property
    def shows_text(self) -> bool:
        return self.share.scope != ShareScope.MINUTES

    @property
    def plays(self) -> bool:
        return self.share.scope == ShareScope.AUDIO


def open_share(session: Session, token: str) -> OpenedShare:
    """Raises NotFound for a token that was never given out, Gone if the link has ended or its meeting was deleted."""
    share = session.scalar(select(ShareLink).where(ShareLink.token_hash == hash_of(token)))
    if share is None:
        raise NotFound("there is no such share link; check that it is complete, or ask for a new one")
    meeting = session.get_one(Meeting, share.meeting_id)
    if share.revoked_at is not None or share.ends_at <= now() or meeting.state == MeetingState.DELETED:
        raise Gone("this share link has ended; ask for a new one")
    return OpenedShare(share, meeting)


@router.get("", include_in_schema=False)
def start(token: str) -> Response:
    """Show the page. The token stands after `#` there, so that no other server ever gets it as a referrer."""
    return Response(status_code=303, headers={**PRIVATE, "Location": f"../#/shared/{token}"})


@router.get("/meeting", summary="Read a shared meeting", responses=response(EXAMPLE))
def read(token: str, services: ServicesHere, answer: Response) -> SharedMeeting:
    """Show what the link allows: the minutes, and perhaps the transcript. What is off the record is left out."""
    answer.headers.update(PRIVATE)
    with services.database.read() as session:
        opened = open_share(session, token)
        meeting = meeting_out(session, services.stores.mailbox, opened.meeting)
        return SharedMeeting(
            title=meeting.title,
            language=meeting.language,
            started_at=meeting.started_at,
            duration_s=meeting.coverage.duration_s,
            participants=meeting.participants,
            scope=ShareScope(opened.share.scope),
            ends_at=opened.share.ends_at,
            minutes=read_minutes(session, meeting.id),
            segments=_segments(session, meeting.id) if opened.shows_text else [],
            coverage=track_coverages(session, services.stores.mailbox, meeting.id) if opened.plays else [],
            audio_s=meeting.audio_s if opened.plays else None,
        )


def _segments(session: Session, meeting_id: str) -> list[SegmentOut]:
    return [segment for segment in read_segments(session, meeting_id) if not segment.off_record]


@router.get(
    "/audio",
    summary="Listen to a shared meeting",
    response_class=Response,
    responses={
        200: {"description": "The whole file", **WAV},
        206: {"description": "The part that `Range` asks for", **WAV},
        **responses(AudioNotKept, BeyondEnd),
    },
)
def listen(token: str, request: Request, services: ServicesHere) -> Response:
    """Play the kept audio, if the link allows it. What is off the record is silent."""
    with services.database.read() as session:
        opened = open_share(session, token)
        pieces = pieces_of(session, opened.meeting.id) if opened.plays else []
        silenced = [
            (each.first_sample, MEETING_LIMIT_SAMPLES if each.end_sample is None else each.end_sample)
            for each in passages_of(session, opened.meeting.id)
        ]
    if not pieces:
        raise AudioNotKept("this share link plays no audio; ask for one that does")
    answer = audio_answer(request, MeetingAudio(services.stores.files, pieces, silenced))
    answer.headers.update(PRIVATE)
    return answer
