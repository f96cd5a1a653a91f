"""Writes audio into the mailbox of a track. The mailbox is opened from SQL if Redis does not know it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

from api.auth.access import TrackPlace, find_track
from api.auth.keys import Principal
from api.services import Services
from schema.core.errors import MailboxMissing, TrackClosed
from schema.core.states import MeetingState, TrackKind
from schema.core.units import BYTES_PER_SAMPLE
from schema.mailbox import Appended, shard_of
from schema.mailbox.limits import PIECE_LIMIT_BYTES
from schema.meetings.lifecycle import Finished, finish_meeting


class TrackWriter:
    """Writes one producer's audio into one track. Refuses audio if the meeting is not live."""

    def __init__(self, services: Services, principal: Principal, place: TrackPlace) -> None:
        self.place = place
        self._services = services
        self._principal = principal

    @classmethod
    async def of(cls, services: Services, principal: Principal, meeting_id: str, track: str) -> TrackWriter:
        """Find the track. Raises NotFound, Gone, Unavailable."""
        return cls(services, principal, await _read(services, principal, meeting_id, track))

    async def resume_sample(self) -> int:
        """The position at which the producer continues."""
        if self.place.state == MeetingState.LIVE:
            return await self._open()
        end = self.place.closed_sample
        if end is not None:
            return end
        try:
            return (await self._services.mailbox.status(self.place.track_id)).received_sample
        except MailboxMissing:
            return self.place.committed_sample

    async def append(self, first_sample: int, pcm: bytes) -> int:
        """Append audio, and return the received position. Raises the errors of `Mailbox.append` except MailboxMissing.

        Audio that is longer than one piece of the mailbox is appended piece by piece. After an error, the received
        position shows how much was appended.
        """
        received = 0
        for at in range(0, len(pcm), PIECE_LIMIT_BYTES):
            piece = pcm[at : at + PIECE_LIMIT_BYTES]
            first = first_sample + at // BYTES_PER_SAMPLE
            received = await self._put(partial(self._services.mailbox.append, self.place.track_id, first, piece))
        return received

    async def skip(self, to_sample: int) -> int:
        """Record the audio before *to_sample* as missing, and return the received position."""
        return await self._put(partial(self._services.mailbox.skip, self.place.track_id, to_sample))

    async def flush(self) -> int:
        """Ask for the text of all audio so far, and return the received position."""
        return await self._put(partial(self._services.mailbox.flush, self.place.track_id))

    async def finish(self) -> Finished:
        """Finish the whole meeting. Returns when its mailboxes accept no more audio."""
        return await finish(self._services, self.place.meeting_id)

    async def _put(self, operation: Callable[[], Awaitable[Appended]]) -> int:
        try:
            done = await operation()
        except MailboxMissing:
            # Redis lost the mailbox, or it was deleted with its meeting. SQL knows which, and where audio continues.
            services, place = self._services, self.place
            self.place = await _read(services, self._principal, place.meeting_id, place.name)
            self._check_live()
            await self._open()
            done = await operation()
        if done.wake:
            self._services.task_sender.wake(shard_of(self.place.track_id, self._services.config.shards))
        return done.received_sample

    def _check_live(self) -> None:
        if self.place.state != MeetingState.LIVE:
            raise TrackClosed(
                f"meeting '{self.place.meeting_id}' is {self.place.state}; it takes no more audio, create another one",
                state=self.place.state.value,
            )

    async def _open(self) -> int:
        status = await self._services.mailbox.open(
            self.place.track_id,
            committed_sample=self.place.committed_sample,
            epoch=self.place.epoch,
            backlog_limit_samples=self._services.config.backlog_limit_samples,
            kind=TrackKind(self.place.kind),
        )
        return status.received_sample


async def finish(services: Services, meeting_id: str) -> Finished:
    """Finish a meeting, and wake the workers that process the rest of it."""
    finished = await asyncio.to_thread(
        finish_meeting,
        services.stores,
        meeting_id,
        services.config.backlog_limit_samples,
    )
    for shard in finished.shards:
        services.task_sender.wake(shard)
    return finished


async def _read(services: Services, principal: Principal, meeting_id: str, track: str) -> TrackPlace:
    return await asyncio.to_thread(_read_now, services, principal, meeting_id, track)


def _read_now(services: Services, principal: Principal, meeting_id: str, track: str) -> TrackPlace:
    with services.database.read() as session:
        return find_track(session, meeting_id, track, principal)
