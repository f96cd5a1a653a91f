"""Writes audio into the mailbox of a track. The mailbox is opened from SQL if Redis does not know it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from api.auth.access import TrackPlace, find_track
from api.auth.keys import Principal
from api.services import Services
from schema.core.errors import AudioGap, MailboxMissing, MinutebookError, TrackClosed
from schema.core.states import MeetingState, TrackKind
from schema.core.units import BYTES_PER_SAMPLE
from schema.mailbox import Appended, shard_of
from schema.mailbox.limits import PIECE_LIMIT_BYTES
from schema.meetings.lifecycle import NOTHING_KNOWN, Finished, finish_meeting

ACCEPTING = frozenset({MeetingState.LIVE, MeetingState.DRAINING})
"""A draining meeting accepts the audio of tracks that are open, because Redis has lost audio of theirs."""


class TrackWriter:
    """Writes one producer's audio into one track. Refuses audio once the track is closed.

    The producer was told that its audio before `told_sample` is received. If Redis loses some of it before it is
    committed, the producer is asked for it again, by AudioGap.
    """

    def __init__(self, services: Services, principal: Principal, place: TrackPlace) -> None:
        self.place = place
        self._services = services
        self._principal = principal
        self.told_sample = 0
        self._produces = False

    @classmethod
    async def of(cls, services: Services, principal: Principal, meeting_id: str, track: str) -> TrackWriter:
        """Find the track. Raises NotFound, Gone, Unavailable."""
        return cls(services, principal, await _read(services, principal, meeting_id, track))

    async def resume_sample(self) -> int:
        """The position at which the producer continues."""
        self.told_sample = await self._resume_sample()
        return self.told_sample

    async def _resume_sample(self) -> int:
        if self.place.state == MeetingState.LIVE:
            return await self._open()
        end = self.place.closed_sample
        return await self._received_sample() if end is None else end

    async def _received_sample(self) -> int:
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

    async def finish(self) -> None:
        """Finish the whole meeting. Returns when its mailboxes accept no more audio.

        Raises AudioGap if Redis has lost audio of this producer. Call this again when the audio has come again.
        """
        self._begin_producing()
        told_sample = self.told_sample
        if self.place.track_id in (await self._close_tracks(told_sample)).lost:
            await self._refresh()
            await self._ask_again(told_sample)

    async def check_received(self) -> None:
        """Raise AudioGap if Redis has lost audio of this producer, also after it has finished the meeting."""
        told_sample = self.told_sample
        if not self._produces or await self._received_sample() >= told_sample:
            return
        await self._refresh()
        if self.place.state == MeetingState.DRAINING:
            await self._close_tracks(told_sample)
        if self.place.state in ACCEPTING:
            await self._ask_again(told_sample)

    def _begin_producing(self) -> None:
        if not self._produces:
            self._produces = True
            self._services.producers.add(self)

    async def _close_tracks(self, told_sample: int) -> Finished:
        return await finish(self._services, self.place.meeting_id, {self.place.track_id: told_sample})

    async def _ask_again(self, told_sample: int) -> None:
        """Raise AudioGap if the mailbox lacks audio before *told_sample*."""
        received = await self._open()
        if received < told_sample:
            self.told_sample = received
            raise AudioGap(
                f"audio of track '{self.place.name}' was lost before it was transcribed; continue at sample {received}",
                expected_sample=received,
            )

    async def _put(self, operation: Callable[[], Awaitable[Appended]]) -> int:
        self._begin_producing()
        metrics = self._services.metrics
        try:
            with metrics.append_s.time():
                done = await self._run(operation)
        except AudioGap as error:
            metrics.refused.labels(error.slug).inc()
            self.told_sample = int(str(error.facts["expected_sample"]))
            raise
        except MinutebookError as error:
            metrics.refused.labels(error.slug).inc()
            raise
        if done.wake:
            self._services.task_sender.wake(shard_of(self.place.track_id, self._services.config.shards))
        self.told_sample = done.received_sample
        return done.received_sample

    async def _run(self, operation: Callable[[], Awaitable[Appended]]) -> Appended:
        try:
            return await operation()
        except MailboxMissing:
            # Redis lost the mailbox, or it was deleted with its meeting. SQL knows which, and where audio continues.
            await self._refresh()
            self._check_open()
            await self._open()
            return await operation()

    async def _refresh(self) -> None:
        place = self.place
        self.place = await _read(self._services, self._principal, place.meeting_id, place.name)

    def _check_open(self) -> None:
        if self.place.state not in ACCEPTING or self.place.closed_sample is not None:
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
            heard=self.place.heard,
        )
        return status.received_sample


async def finish(services: Services, meeting_id: str, received: Mapping[str, int] = NOTHING_KNOWN) -> Finished:
    """Finish a meeting, and wake the workers that process the rest of it. *received* is that of `close_tracks`.

    All producers of the meeting count, because one that is connected still has its audio if Redis has lost it.
    """
    received = {**services.producers.told_samples(meeting_id), **received}
    finished = await asyncio.to_thread(
        finish_meeting,
        services.stores,
        meeting_id,
        services.config.backlog_limit_samples,
        received,
    )
    for shard in finished.shards:
        services.task_sender.wake(shard)
    return finished


async def _read(services: Services, principal: Principal, meeting_id: str, track: str) -> TrackPlace:
    return await asyncio.to_thread(_read_now, services, principal, meeting_id, track)


def _read_now(services: Services, principal: Principal, meeting_id: str, track: str) -> TrackPlace:
    with services.database.read() as session:
        return find_track(session, meeting_id, track, principal)
