"""The route that takes audio over plain HTTP, for producers without a WebSocket."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request

from api.auth.bearer import Writer
from api.http import examples
from api.http.problems import responses
from api.live.pcm import pcm_of
from api.live.track_writer import TrackWriter
from api.services import ServicesHere
from schema.core.errors import (
    AudioGap,
    Backlogged,
    Forbidden,
    Gone,
    InvalidAudio,
    NotFound,
    Unauthorized,
    Unavailable,
)
from schema.core.units import MEETING_LIMIT_SAMPLES
from schema.mailbox.limits import check_piece
from schema.meetings.live_wire import Received

router = APIRouter(prefix="/v1/meetings", tags=["audio"])

# One type for raw audio and WAV: generators of clients leave out types that they do not know, such as `audio/wav`.
BODY = {
    "requestBody": {
        "required": True,
        "description": "Raw PCM16, or a WAV file of it. The first bytes decide, whatever Content-Type says",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "/{meeting_id}/audio",
    summary="Append audio",
    openapi_extra=BODY,
    responses={
        **examples.response(examples.RECEIVED),
        **responses(Unauthorized, Forbidden, NotFound, Gone, AudioGap, InvalidAudio, Backlogged, Unavailable),
    },
)
async def append(
    meeting_id: str,
    request: Request,
    services: ServicesHere,
    principal: Writer,
    first_sample: Annotated[
        int,
        Query(
            ge=0,
            le=MEETING_LIMIT_SAMPLES,
            description="The position of the first sample, counted from the start of the meeting",
        ),
    ],
    track: str = "main",
) -> Received:
    """Send 16 kHz mono PCM16, raw or as a WAV file, for a position of the track.

    A WAV file may also be RF64, or the beginning of a stream whose header states no true size. Then the samples end
    with the body; send the rest of the stream without a header.
    Sending the same audio again changes nothing.
    """
    writer = await TrackWriter.of(services, principal, meeting_id, track)
    limit_bytes = services.config.frame_limit_bytes
    pcm = pcm_of(await request.body(), first_sample, limit_bytes)
    check_piece(first_sample, len(pcm), limit_bytes)
    return Received(track=track, received_sample=await writer.append(first_sample, pcm))
