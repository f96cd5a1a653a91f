"""The route that plays a meeting."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from api.auth.access import find_meeting, find_track
from api.auth.bearer import Reader
from api.http.problems import responses
from api.kept_audio.mix import MeetingAudio
from api.kept_audio.ranges import audio_answer
from api.meetings.routes import ANY
from api.services import ServicesHere
from schema.core.errors import AudioNotKept, BeyondEnd, Gone, NotFound
from schema.kept_audio.pieces import pieces_of

WAV: dict[str, Any] = {"content": {"audio/wav": {}}}
"""The bytes of a file cannot be shown in the reference."""

router = APIRouter(prefix="/v1/meetings/{meeting_id}", tags=["audio"], responses=responses(*ANY, NotFound, Gone))


@router.get(
    "/audio",
    summary="Listen to a meeting",
    response_class=Response,
    responses={
        200: {"description": "The whole file", **WAV},
        206: {"description": "The part that `Range` asks for", **WAV},
        **responses(AudioNotKept, BeyondEnd),
    },
)
def listen(
    meeting_id: str,
    request: Request,
    services: ServicesHere,
    principal: Reader,
    track: Annotated[str | None, Query(description="Only this track; all are mixed if it is left out")] = None,
) -> Response:
    """Play the kept audio as a WAV file. Positions in it are those of the transcript; what is not kept is silent.

    The header `Range` works, so players can seek. A live meeting has a longer file at each request.
    """
    with services.database.read() as session:
        find_meeting(session, meeting_id, principal)
        if track is not None:
            find_track(session, meeting_id, track, principal)
        pieces = pieces_of(session, meeting_id, track)
    if not pieces:
        raise AudioNotKept(
            f"no audio of meeting '{meeting_id}' is kept: it was deleted, or not stored, as MINUTEBOOK_AUDIO_RETENTION "
            "says; of a live meeting the first piece comes after 30 seconds",
        )
    return audio_answer(request, MeetingAudio(services.stores.files, pieces))
