"""The meeting behind a realtime session: made with the first audio, changed when the session's settings are."""

from __future__ import annotations

import asyncio
import secrets

from sqlalchemy import update

from api.auth.keys import Principal
from api.openai.client_events import Transcription
from api.openai.models import adapter_named
from api.openai.request import spoken_language, vocabulary_of
from api.services import Services
from schema.meetings.tables import Meeting, Track

TITLE = "Realtime session"


async def settle_meeting(
    services: Services, principal: Principal, meeting_id: str, wanted: Transcription, *, made: bool
) -> None:
    """Have the meeting hear as *wanted*; it is *made* already or made now. Raises InvalidInput, NotFound."""
    await asyncio.to_thread(_settle, services, principal, meeting_id, wanted, made)


async def check(services: Services, wanted: Transcription) -> None:
    """Raises InvalidInput or NotFound for what cannot be served."""
    await asyncio.to_thread(_facts, services, wanted)


def _settle(services: Services, principal: Principal, meeting_id: str, wanted: Transcription, made: bool) -> None:
    facts = _facts(services, wanted)
    with services.database.write() as session:
        if made:
            session.execute(update(Meeting).where(Meeting.id == meeting_id).values(**facts))
            return
        session.add(Meeting(id=meeting_id, owner=principal.owner, title=TITLE, **facts))
        session.flush()
        session.add(Track(id=secrets.token_hex(12), meeting_id=meeting_id, name="main"))


def _facts(services: Services, wanted: Transcription) -> dict[str, object]:
    served = services.config.asr_model
    with services.database.read() as session:
        adapter = adapter_named(session, wanted.model or served, served)
    return {
        "language": spoken_language(wanted.language, served),
        "vocabulary": list(vocabulary_of(wanted.prompt or "", wanted.keywords)),
        "asr_adapter": adapter,
    }
