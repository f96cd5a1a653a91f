"""Transcribes one recording: yields its text as it is committed, returns the whole text, deletes the recording."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.exceptions import HTTPException

from api.export.documents import Export
from api.meetings.routes import meeting_out
from api.meetings.transcript import read_segments
from api.openai.formats import GrowingText, with_language
from api.openai.recording_form import StoredRecording
from api.openai.request import ResponseFormat
from api.services import Services
from schema.core.errors import InvalidInput, MinutebookError, Unavailable
from schema.core.events import Event
from schema.core.states import MeetingState, UploadState
from schema.meetings.tables import Meeting
from schema.uploads.failures import UploadFailure
from schema.uploads.lifecycle import end_request
from schema.uploads.tables import Upload

TRANSCRIBED = frozenset({MeetingState.SUMMARIZING, MeetingState.FINISHED})
"""States in which the transcript of a meeting is complete. The minutes may still be missing."""
SERVER_FAULTS = frozenset(
    {
        UploadFailure.STORAGE_AWAY,
        UploadFailure.DECODER_DIED,
        UploadFailure.DECODER_HUNG,
        UploadFailure.FILE_MISSING,
    }
)
"""Reasons of a failure that another file would not avoid."""


class TranscriptionJob:
    """The transcription of one recording. Always call `end`."""

    def __init__(self, services: Services, taken: StoredRecording) -> None:
        self.taken = taken
        self._services = services

    async def deltas(self) -> AsyncIterator[str]:
        """Yield the text as it is committed, until the transcript is complete.

        Raises InvalidInput if the file is not a recording, Unavailable, and HTTPException 504 after the time limit.
        """
        limit_s = self._services.config.openai_wait_s
        growth = GrowingText()
        try:
            async with asyncio.timeout(limit_s):
                with self._services.feeds.follow(self.taken.meeting_id) as subscription:
                    async for event in subscription.events():
                        # Segments that are divided where the speaker changes do not grow, so they are sent at the end.
                        if (
                            event.type == "segment"
                            and not self.taken.wanted.diarized
                            and (delta := growth.take(event.data))
                        ):
                            yield delta
                        if await self._is_whole(event):
                            return
        except TimeoutError as error:
            detail = (
                f"the transcript is not complete after {limit_s:g} s (MINUTEBOOK_OPENAI_WAIT_S); send long recordings "
                "to POST /v1/uploads, which does not wait for the text"
            )
            raise HTTPException(504, detail) from error

    async def export(self) -> Export:
        """The whole transcript and its coverage. Call it when `deltas` has ended."""
        return await asyncio.to_thread(self._read)

    async def end(self) -> None:
        """Delete the recording and its meeting, unless the settings keep them. A worker retries what fails now."""
        if not self._services.config.openai_keep:
            with suppress(MinutebookError):
                await asyncio.shield(asyncio.to_thread(end_request, self._services.stores, self.taken.upload_id))

    async def _is_whole(self, event: Event) -> bool:
        if event.type != "state":
            return False
        if event.data["state"] == MeetingState.DELETED:
            raise await asyncio.to_thread(self._failure)
        return event.data["state"] in TRANSCRIBED

    def _read(self) -> Export:
        services, meeting_id = self._services, self.taken.meeting_id
        with services.database.read() as session:
            export = Export(
                meeting=meeting_out(session, services.stores.mailbox, session.get_one(Meeting, meeting_id)),
                minutes=None,
                segments=read_segments(session, meeting_id),
            )
        return with_language(export) if self.taken.wanted.form == ResponseFormat.VERBOSE_JSON else export

    def _failure(self) -> MinutebookError:
        with self._services.database.read() as session:
            upload = session.get_one(Upload, self.taken.upload_id)
        if upload.state == UploadState.FAILED and upload.reason not in SERVER_FAULTS:
            return InvalidInput(upload.detail or "the file cannot be read", param="file", code=upload.reason)
        return Unavailable(upload.detail or "the recording was deleted before it was read", code=upload.reason)
