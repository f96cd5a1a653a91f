"""The server's events of a realtime session, in the current and the beta form."""

from __future__ import annotations

import secrets
from typing import Any

from starlette.websockets import WebSocket

from api.openai.client_events import SessionConfig
from api.openai.items import Delta, RealtimeItem
from schema.core.units import SAMPLES_PER_MS

TRANSCRIPTION = "conversation.item.input_audio_transcription"


class ServerEvents:
    """Sends events. Each has an id of its own."""

    def __init__(self, socket: WebSocket, *, beta: bool) -> None:
        self._socket = socket
        self._beta = beta

    async def session(self, what: str, config: SessionConfig, session_id: str) -> None:
        """*what* is `created` or `updated`."""
        if self._beta:
            await self._send(f"transcription_session.{what}", session=config.as_beta_session(session_id))
        else:
            await self._send(f"session.{what}", session=config.as_session(session_id))

    async def error(self, error: dict[str, Any]) -> None:
        await self._send("error", error=error)

    async def speech_started(self, item_id: str, sample: int) -> None:
        await self._send("input_audio_buffer.speech_started", item_id=item_id, audio_start_ms=sample // SAMPLES_PER_MS)

    async def speech_stopped(self, item_id: str, sample: int) -> None:
        await self._send("input_audio_buffer.speech_stopped", item_id=item_id, audio_end_ms=sample // SAMPLES_PER_MS)

    async def cleared(self) -> None:
        await self._send("input_audio_buffer.cleared")

    async def committed(self, item: RealtimeItem, previous_id: str | None) -> None:
        await self._send("input_audio_buffer.committed", item_id=item.id, previous_item_id=previous_id)
        content = [{"type": "input_audio", "transcript": None}]
        message = {"id": item.id, "object": "realtime.item", "type": "message", "status": "completed", "role": "user"}
        for what in ("created",) if self._beta else ("added", "done"):
            body = {**message, "content": content}
            await self._send(f"conversation.item.{what}", previous_item_id=previous_id, item=body)

    async def deltas(self, deltas: list[Delta]) -> None:
        for each in deltas:
            await self._send(f"{TRANSCRIPTION}.delta", item_id=each.item_id, content_index=0, delta=each.text)

    async def completed(self, item: RealtimeItem, seconds: float) -> None:
        usage = {"type": "duration", "seconds": seconds}
        text = {"transcript": item.text, "usage": usage}
        await self._send(f"{TRANSCRIPTION}.completed", item_id=item.id, content_index=0, **text)

    async def failed(self, item: RealtimeItem, reason: str) -> None:
        error = {
            "type": "server_error",
            "code": "transcription_failed",
            "message": f"this audio could not be transcribed ({reason}); say it again",
            "param": None,
        }
        await self._send(f"{TRANSCRIPTION}.failed", item_id=item.id, content_index=0, error=error)

    async def _send(self, kind: str, **members: Any) -> None:
        await self._socket.send_json({"type": kind, "event_id": f"event_{secrets.token_hex(10)}", **members})
