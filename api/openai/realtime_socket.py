"""The realtime transcription socket `WS /v1/realtime?intent=transcription`: a live meeting with OpenAI's events."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import Any, NoReturn

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from api.auth.bearer import authenticate, bearer_key, check_scope, wait_until_revoked
from api.http.cancel import cancel
from api.http.problems import internal_problem
from api.openai.client_events import SessionConfig, Transcription, TurnDetection, decode_event
from api.openai.errors import error_body, error_of, invalid_parameter
from api.openai.realtime_session import RealtimeSession
from api.openai.server_events import ServerEvents
from api.openai.session_meeting import check_transcription
from api.services import Services, services_of
from schema.core.errors import Conflict, Forbidden, Gone, MinutebookError, NotFound, Unavailable
from schema.core.states import Scope

SUBPROTOCOL = "realtime"
KEY_SUBPROTOCOL = "openai-insecure-api-key."
BETA_SUBPROTOCOL = "openai-beta.realtime-v1"
BETA_HEADER = "realtime=v1"
FATAL = (NotFound, Forbidden, Gone, Conflict, Unavailable)
REASON_BYTES = 120

router = APIRouter()


@router.websocket("/v1/realtime")
async def realtime(socket: WebSocket) -> None:
    """Serve a session, whose id is `sess_` and the id of its live meeting. Closing the socket finishes the meeting."""
    offered: list[str] = socket.scope.get("subprotocols", [])
    await socket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)
    beta = BETA_SUBPROTOCOL in offered or socket.headers.get("openai-beta") == BETA_HEADER
    events = ServerEvents(socket, beta=beta)
    with suppress(WebSocketDisconnect):
        try:
            await _serve(socket, events)
        except MinutebookError as error:
            await _end(socket, events, error_of(error), 4000 + error.status)
        except WebSocketDisconnect:
            raise
        except Exception as error:
            await _end(socket, events, error_body(internal_problem(error, "realtime session")), 1011)


async def _serve(socket: WebSocket, events: ServerEvents) -> None:
    services, key = services_of(socket), _key(socket)
    principal = check_scope(check_scope(await authenticate(services, key), Scope.WRITE), Scope.READ)
    query = socket.query_params
    if query.get("intent", "transcription") != "transcription":
        raise invalid_parameter("intent", f"intent is '{query['intent'][:40]}'; only 'transcription' is supported")
    config = SessionConfig(Transcription(model=query.get("model")), TurnDetection())
    await check_transcription(services, config.transcription)
    session = RealtimeSession(services, principal, events, config, secrets.token_hex(12))
    await events.session("created", config, session.session_id)
    tasks = [
        asyncio.create_task(_read(socket, session, events)),
        asyncio.create_task(session.follow()),
        asyncio.create_task(session.flush_when_idle()),
        asyncio.create_task(_end_with_key(services, key)),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await cancel(*tasks)
        await session.finish()


async def _end_with_key(services: Services, key: str | None) -> NoReturn:
    raise await wait_until_revoked(services, key)


async def _read(socket: WebSocket, session: RealtimeSession, events: ServerEvents) -> NoReturn:
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        event_id: str | None = None
        try:
            event = decode_event(message.get("text") or "")
            event_id = event.event_id
            await session.handle(event)
        except MinutebookError as error:
            if _is_fatal(error):
                raise
            await events.error({**error_of(error), "event_id": event_id})


def _is_fatal(error: MinutebookError) -> bool:
    """Whether no further event can succeed. If the error names a parameter, the client can send another value."""
    return isinstance(error, FATAL) and "param" not in error.facts


def _key(socket: WebSocket) -> str | None:
    """The key from the header, or from the subprotocol that OpenAI's clients offer in browsers."""
    offered: list[str] = socket.scope.get("subprotocols", [])
    keys = (each.removeprefix(KEY_SUBPROTOCOL) for each in offered if each.startswith(KEY_SUBPROTOCOL))
    return bearer_key(socket.headers.get("authorization")) or next(keys, None)


async def _end(socket: WebSocket, events: ServerEvents, error: dict[str, Any], code: int) -> None:
    await events.error({**error, "event_id": None})
    await socket.close(code, str(error["message"]).encode()[:REASON_BYTES].decode(errors="ignore"))
