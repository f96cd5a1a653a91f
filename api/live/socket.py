"""The live socket: receives audio, sends acknowledgements and the meeting's events."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import Any, NoReturn

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.auth.access import TrackPlace
from api.auth.bearer import authenticate, check_scope, chosen_subprotocol, socket_key, wait_until_revoked
from api.auth.keys import Principal
from api.http.cancel import cancel
from api.http.params import parse_whole_number
from api.http.problems import internal_problem, problem_of
from api.live.pcm import check_raw
from api.live.track_writer import TrackWriter
from api.services import Services, services_of
from schema.core.errors import AudioGap, Forbidden, MinutebookError, NotFound
from schema.core.events import ENDING_STATES, Event
from schema.core.states import MeetingState, Scope
from schema.meetings.live_wire import LiveFrame, SkipControl, decode_control

log = logging.getLogger(__name__)

FATAL = (NotFound, Forbidden)
"""After these errors nothing on this socket can succeed. A deleted meeting ends the socket by its state instead."""
LOOK_S = 2.5
"""A producer that sends nothing learns within this time that Redis has lost its audio."""
REASON_BYTES = 120
"""The protocol allows 123 bytes for the reason of a close."""

router = APIRouter()


@router.websocket("/v1/meetings/{meeting_id}/live")
async def live(socket: WebSocket, meeting_id: str) -> None:
    """Serve one connection. Close codes: 1000 after the meeting has finished, 4000 + HTTP status after an error."""
    await socket.accept(subprotocol=chosen_subprotocol(socket))
    with suppress(WebSocketDisconnect):
        try:
            await _serve(socket, meeting_id)
        except MinutebookError as error:
            await _end(socket, problem_of(error))
        except WebSocketDisconnect:
            raise
        except Exception as error:
            await _end(socket, internal_problem(error, f"live socket of meeting {meeting_id[:64]}"))


async def _serve(socket: WebSocket, meeting_id: str) -> None:
    services = services_of(socket)
    principal = check_scope(await authenticate(services, socket_key(socket)), Scope.READ)
    query = socket.query_params
    after = parse_whole_number("after", query.get("after", "0"))
    wants_events = bool(parse_whole_number("events", query.get("events", "1")))
    writer = await TrackWriter.of(services, principal, meeting_id, query.get("track", "main"))
    session = LiveSession(services, socket, principal, writer)
    await session.run(after, wants_events)


class LiveSession:
    """One connection for one track."""

    def __init__(self, services: Services, socket: WebSocket, principal: Principal, writer: TrackWriter) -> None:
        self._services = services
        self._socket = socket
        self._principal = principal
        self._writer = writer
        self._limit_bytes = services.config.frame_limit_bytes

    async def run(self, after: int, wants_events: bool) -> None:
        """Run until the meeting ends, the client leaves or its key is revoked."""
        place = self._writer.place
        if place.state not in ENDING_STATES:
            await self._send(await self._resume_event())
        reading = asyncio.create_task(self._read())
        telling = asyncio.create_task(self._tell(after, wants_events))
        looking = asyncio.create_task(self._look_for_lost_audio())
        revoking = asyncio.create_task(wait_until_revoked(self._services, socket_key(self._socket)))
        try:
            await asyncio.wait({reading, telling, looking, revoking}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            if looking.done():
                looking.result()
            if revoking.done():
                raise revoking.result()
            ended = telling.result()
        finally:
            await cancel(reading, telling, looking, revoking)
        await self._send(ended)
        await self._socket.close(*_farewell(ended, place))

    async def _resume_event(self) -> Event:
        place = self._writer.place
        return Event(
            "state",
            {
                "state": place.state.value,
                "track": place.name,
                "resume_sample": await self._writer.resume_sample(),
                "committed_sample": place.committed_sample,
            },
        )

    async def _tell(self, after: int, wants_events: bool) -> Event:
        """Send events. Returns the state that ended the meeting, which is sent last."""
        place = self._writer.place
        known = None if place.state in ENDING_STATES else place.state
        with self._services.feeds.follow(place.meeting_id, after, known) as subscription:
            async for event in subscription.events():
                if event.type == "state" and event.data["state"] in ENDING_STATES:
                    return event
                if wants_events or event.type == "state":
                    await self._send(event)
        raise RuntimeError(f"the events of meeting {place.meeting_id} ended before it did")

    async def _look_for_lost_audio(self) -> NoReturn:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self._writer.check_received()
            except AudioGap as error:
                await self._send(Event("error", problem_of(error)))
            except MinutebookError as error:
                log.warning("meeting %s: %s", self._writer.place.meeting_id, error.detail)

    async def _read(self) -> NoReturn:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                raise WebSocketDisconnect(message.get("code", 1005))
            try:
                await self._take(message.get("bytes"), message.get("text"))
            except MinutebookError as error:
                if isinstance(error, FATAL) and not error.retryable:
                    raise
                await self._send(Event("error", problem_of(error)))

    async def _take(self, audio: bytes | None, control: str | None) -> None:
        check_scope(self._principal, Scope.WRITE)
        if audio is not None:
            await self._acknowledge(await self._append(audio))
            return
        wanted = decode_control(control or "")
        if isinstance(wanted, SkipControl):
            await self._acknowledge(await self._writer.skip(wanted.to_sample))
        else:
            await self._writer.finish()

    async def _append(self, message: bytes) -> int:
        frame = LiveFrame.decode(message, self._limit_bytes)
        check_raw(frame.pcm, frame.first_sample)
        return await self._writer.append(frame.first_sample, frame.pcm)

    async def _acknowledge(self, received_sample: int) -> None:
        await self._send(Event("ack", {"track": self._writer.place.name, "received_sample": received_sample}))

    async def _send(self, event: Event) -> None:
        await self._socket.send_text(event.encode())


def _farewell(ended: Event, place: TrackPlace) -> tuple[int, str]:
    """The close code and reason after the state *ended*. *place* is the track as it was when the connection began."""
    if ended.data["state"] == MeetingState.DELETED:
        return 4410, f"meeting '{place.meeting_id}' was deleted"
    if place.state in ENDING_STATES:
        return 4409, f"the meeting is {place.state}; it takes no more audio"
    return 1000, "the meeting has ended"


async def _end(socket: WebSocket, problem: dict[str, Any]) -> None:
    await socket.send_text(Event("error", problem).encode())
    reason = str(problem["detail"]).encode()[:REASON_BYTES].decode(errors="ignore")
    await socket.close(4000 + problem["status"] if problem["status"] != 500 else 1011, reason)
