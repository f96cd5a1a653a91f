"""One recording until its text is there: what is committed as it comes, then the whole, then nothing of it is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.exceptions import HTTPException

from api.export.documents import Export
from api.meetings.routes import meeting_out
from api.meetings.transcript import read_segments
from api.openai.formats import GrowingText
from api.openai.recording_form import StoredRecording
from api.services import Services
from schema.core.errors import InvalidInput, MinutebookError, Unavailable
from schema.core.events import Event
from schema.core.states import MeetingState, UploadState
from schema.meetings.tables import Meeting
from schema.uploads.failures import UploadFailure
from schema.uploads.lifecycle import give_up
from schema.uploads.tables import Upload

READ = frozenset({MeetingState.SUMMARIZING, MeetingState.FINISHED})
"""From here on a meeting's transcript is whole; its minutes need not be."""
OURS = frozenset(
    {
        UploadFailure.STORAGE_AWAY,
        UploadFailure.DECODER_DIED,
        UploadFailure.DECODER_HUNG,
        UploadFailure.FILE_MISSING,
    }
)
"""Failures that another file would not have changed."""


class TranscriptionJob:
    """What becomes of one recording. Always `end` it."""

    def __init__(self, services: Services, taken: StoredRecording) -> None:
        self.taken = taken
        self._services = services

    async def deltas(self) -> AsyncIterator[str]:
        """Text as it is committed, until all of it is.

        Raises InvalidInput for a file that is no recording, Unavailable, and HTTPException 504 after the time limit.
        """
        limit_s = self._services.config.openai_wait_s
        growth = GrowingText()
        try:
            async with asyncio.timeout(limit_s):
                with self._services.feeds.follow(self.taken.meeting_id) as subscription:
                    async for event in subscription.events():
                        if event.type == "segment" and (delta := growth.take(event.data)):
                            yield delta
                        if await self._is_whole(event):
                            return
        except TimeoutError as error:
            detail = (
                f"no whole text after {limit_s:g} s (MINUTEBOOK_OPENAI_WAIT_S); send long recordings to "
                "POST /v1/uploads, which does not wait for them"
            )
            raise HTTPException(504, detail) from error

    async def export(self) -> Export:
        """The whole text and what became of every second, once `deltas` have ended."""
        return await asyncio.to_thread(self._read)

    async def end(self) -> None:
        """Delete the recording and its meeting, unless they are kept. What cannot be deleted now a worker deletes."""
        if not self._services.config.openai_keep:
            with suppress(MinutebookError):
                await asyncio.shield(asyncio.to_thread(self._delete))

    async def _is_whole(self, event: Event) -> bool:
        if event.type != "state":
            return False
        if event.data["state"] == MeetingState.DELETED:
            raise await asyncio.to_thread(self._fault)
        return event.data["state"] in READ

    def _read(self) -> Export:
        services, meeting_id = self._services, self.taken.meeting_id
        with services.database.read() as session:
            return Export(
                meeting=meeting_out(session, services.stores.mailbox, session.get_one(Meeting, meeting_id)),
                minutes=None,
                segments=read_segments(session, meeting_id),
            )

    def _fault(self) -> MinutebookError:
        with self._services.database.read() as session:
            upload = session.get_one(Upload, self.taken.upload_id)
        if upload.state == UploadState.FAILED and upload.reason not in OURS:
            return InvalidInput(upload.detail or "the file cannot be read", param="file", code=upload.reason)
        return Unavailable(upload.detail or "the recording was deleted before it was read", code=upload.reason)

    def _delete(self) -> None:
        services = self._services
        give_up(
            services.stores,
            self.taken.upload_id,
            UploadState.CANCELLED,
            reason=UploadFailure.ANSWERED,
            detail="its text was given with the answer; MINUTEBOOK_OPENAI_KEEP=1 keeps such files",
            name="",
        )
