"""The live meeting of a realtime session: created with the first audio, updated with the settings, fed with audio."""

from __future__ import annotations

import asyncio
import logging
import secrets

import numpy as np
import soxr
from sqlalchemy import update

from api.auth.keys import Principal
from api.live.track_writer import TrackWriter
from api.meetings.validation import with_defaults
from api.openai.client_events import RATE_HZ, Transcription
from api.openai.models import adapter_of_model
from api.openai.request import spoken_language, vocabulary_of
from api.services import Services
from schema.core.errors import AudioGap, Backlogged, InvalidAudio, Unavailable
from schema.core.units import BYTES_PER_SAMPLE, SAMPLE_RATE_HZ
from schema.meetings.tables import Meeting, Track

log = logging.getLogger(__name__)

TITLE = "Realtime session"
RETRIES = 30
RETRY_S = 1.0
"""If Redis stays unreachable for longer, the session ends."""


async def save_meeting(
    services: Services, principal: Principal, meeting_id: str, transcription: Transcription, *, exists: bool
) -> None:
    """Create the meeting with these settings, or update it if it *exists*. Raises InvalidInput, NotFound."""
    await asyncio.to_thread(_save_meeting, services, principal, meeting_id, transcription, exists)


async def check_transcription(services: Services, transcription: Transcription) -> None:
    """Raises InvalidInput or NotFound for settings that are not supported."""
    await asyncio.to_thread(_columns, services, transcription)


def _save_meeting(
    services: Services, principal: Principal, meeting_id: str, transcription: Transcription, exists: bool
) -> None:
    columns = _columns(services, transcription)
    with services.database.write() as session:
        if exists:
            session.execute(update(Meeting).where(Meeting.id == meeting_id).values(**columns))
            return
        keeps_audio = services.config.keeps_audio
        meeting = Meeting(id=meeting_id, owner=principal.owner, title=TITLE, keeps_audio=keeps_audio, **columns)
        meeting.brief(with_defaults(meeting.briefing, principal, services.config))
        session.add(meeting)
        session.flush()
        session.add(Track(id=secrets.token_hex(12), meeting_id=meeting_id, name="main"))


def _columns(services: Services, transcription: Transcription) -> dict[str, object]:
    served = services.config.asr_model
    with services.database.read() as session:
        adapter = adapter_of_model(session, transcription.model or served, services.config)
    return {
        "language": spoken_language(transcription.language, served),
        "vocabulary": list(vocabulary_of(transcription.prompt or "", transcription.keywords)),
        "asr_adapter": adapter,
    }


class Resampler:
    """Converts PCM16 from 24 kHz to 16 kHz. Pieces may have any length."""

    def __init__(self) -> None:
        self._stream = soxr.ResampleStream(RATE_HZ, SAMPLE_RATE_HZ, 1, dtype="int16")

    def take(self, pcm: bytes) -> bytes:
        """Resample *pcm*. A few milliseconds are held back until more arrives. Raises InvalidAudio."""
        if len(pcm) % BYTES_PER_SAMPLE:
            raise InvalidAudio(f"{len(pcm)} bytes are not whole 16-bit samples; send an even number of bytes")
        resampled: bytes = self._stream.resample_chunk(np.frombuffer(pcm, "<i2")).astype("<i2", copy=False).tobytes()
        return resampled


class AudioAppender:
    """Appends audio to the track. `sample` is the end of the track."""

    def __init__(self, writer: TrackWriter) -> None:
        self.sample = 0
        self._writer = writer

    async def finish(self) -> None:
        try:
            await self._writer.finish()
        except AudioGap as error:
            await self._book_lost(error)
            await self._writer.finish()

    async def flush(self) -> None:
        """Ask for the text of all audio so far. If Redis cannot be reached or lost audio, another call is needed."""
        try:
            if await self._writer.flush() < self.sample:
                await self._writer.skip(self.sample)
        except (Unavailable, Backlogged) as error:
            log.warning("meeting %s waits: %s", self._writer.place.meeting_id, error.detail)

    async def append(self, pcm: bytes) -> None:
        """Append *pcm*. While the mailbox is full, the client waits. Raises what `TrackWriter.append` raises."""
        attempts = 0
        while pcm:
            try:
                await self._writer.append(self.sample, pcm)
                self.sample += len(pcm) // BYTES_PER_SAMPLE
                return
            except Backlogged as error:
                await asyncio.sleep(float(str(error.facts.get("retry_after_ms", 1000))) / 1000)
            except AudioGap as error:
                await self._book_lost(error)
            except Unavailable as error:
                attempts += 1
                if attempts == RETRIES:
                    raise
                log.warning("meeting %s waits: %s", self._writer.place.meeting_id, error.detail)
                await asyncio.sleep(RETRY_S)

    async def _book_lost(self, error: AudioGap) -> None:
        """Record audio that Redis lost as missing, because the client cannot send it again. The session goes on."""
        log.warning("meeting %s: %s", self._writer.place.meeting_id, error.detail)
        await self._writer.skip(self.sample)
