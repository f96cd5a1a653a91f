"""One realtime session: its audio becomes a live meeting, and the meeting's words become the session's items."""

from __future__ import annotations

import asyncio
import base64
import binascii
from contextlib import suppress
from typing import NoReturn

from sqlalchemy import select

from api.auth.keys import Principal
from api.live.catch_up import rows_after
from api.live.track_writer import TrackWriter
from api.openai.client_events import RATE_HZ, Append, BetaUpdate, Buffer, ClientEvent, SessionConfig, Update
from api.openai.inflow import AudioAppender, Resampler
from api.openai.items import CommittedWord, RealtimeItem, RealtimeItems
from api.openai.server_events import ServerEvents
from api.openai.session_meeting import check, settle_meeting
from api.openai.turn_detection import TurnDetector, TurnStarted
from api.services import Services
from schema.core.errors import Gone, InvalidAudio, InvalidInput, MinutebookError
from schema.core.events import Event
from schema.core.states import CoverageKind, MeetingState
from schema.core.units import BYTES_PER_SAMPLE, s_of_samples, samples_of_ms, samples_of_s
from schema.meetings.tables import Coverage, Track

PIECE_BYTES = RATE_HZ * BYTES_PER_SAMPLE
"""A second of the client's audio: what is handled at once."""
IDLE_S = 0.6
"""A client that sends nothing for so long, and waits for an item, is silent."""
SILENCE = bytes(RATE_HZ * BYTES_PER_SAMPLE)
"""A second of it: a pause that ends what was said before."""
SETTLED_MS = 100
"""Behind the last speech of a turn: once the recogniser is so far, the turn's words are committed."""
UNHEARD_S = 2.0
"""Words so long behind that no turn takes were not heard as speech here; they make an item of their own."""
SHORTEST_MS = 100
"""Of a commit, as in OpenAI's API."""


class RealtimeSession:
    """`take` is called for what the client sends, while `follow` and `fill_silences` go on. Always `finish` it."""

    def __init__(
        self, services: Services, principal: Principal, events: ServerEvents, config: SessionConfig, meeting_id: str
    ) -> None:
        self.session_id = f"sess_{meeting_id}"
        self._services = services
        self._principal = principal
        self._events = events
        self._config = config
        self._meeting_id = meeting_id
        self._resampler = Resampler()
        self._items = RealtimeItems()
        self._turn_detector = self._new_turn_detector(0)
        self._appender: AudioAppender | None = None
        self._begun = asyncio.Event()
        self._appending = asyncio.Lock()
        self._telling = asyncio.Lock()
        self._through_sample = 0
        self._last_audio_s = 0.0
        self._filled = True
        self._padded_samples = 0
        self._seq = 0
        self._words: dict[int, int] = {}

    @property
    def started(self) -> bool:
        """Whether there is a meeting: from the first audio on."""
        return self._appender is not None

    async def take(self, event: ClientEvent) -> None:
        """Raises InvalidInput for what the client can do otherwise, and what `TrackWriter` raises."""
        match event:
            case Append():
                await self._append(_decoded(event.audio))
            case Buffer(type="input_audio_buffer.commit"):
                await self._commit_open()
            case Buffer():
                async with self._appending:
                    self._items.clear(self._sample)
                    self._forget_turn()
                await self._events.cleared()
            case Update() | BetaUpdate():
                await self._update(event)

    async def finish(self) -> None:
        """Nothing more comes: the meeting is finished, and gets its minutes."""
        if self._appender is not None:
            with suppress(MinutebookError):  # what stays open is finished by the sweep
                await asyncio.shield(self._appender.finish())

    @property
    def _sample(self) -> int:
        return self._appender.sample if self._appender else 0

    def _new_turn_detector(self, sample: int) -> TurnDetector | None:
        return TurnDetector(self._config.turns, sample) if self._config.turns else None

    async def _update(self, event: Update | BetaUpdate) -> None:
        config = self._config.updated(event)
        await check(self._services, config.transcription)
        if self.started:
            await self._settle(config)
        turns_changed = config.turns != self._config.turns
        self._config = config
        if turns_changed:
            self._turn_detector = self._new_turn_detector(self._sample)
        await self._events.session("updated", config, self.session_id)

    async def _settle(self, config: SessionConfig) -> None:
        wanted = config.transcription
        await settle_meeting(self._services, self._principal, self._meeting_id, wanted, made=self.started)

    async def _append(self, pcm: bytes) -> None:
        async with self._appending:
            appender = self._appender or await self._begin()
            for at in range(0, len(pcm), PIECE_BYTES):
                await self._put(appender, pcm[at : at + PIECE_BYTES])
            self._last_audio_s, self._filled = asyncio.get_running_loop().time(), False

    async def _begin(self) -> AudioAppender:
        await self._settle(self._config)
        writer = await TrackWriter.of(self._services, self._principal, self._meeting_id, "main")
        await writer.resume_sample()  # opens the mailbox
        self._appender = AudioAppender(writer)
        self._begun.set()
        return self._appender

    async def _put(self, appender: AudioAppender, pcm: bytes) -> None:
        audio = self._resampler.take(pcm)
        await appender.append(audio)
        for change in self._turn_detector.hear(audio) if self._turn_detector else ():
            if isinstance(change, TurnStarted):
                await self._events.speech_started(self._items.open.id, change.sample - self._padded_samples)
                await self._events.deltas(self._items.announce())
            else:
                await self._events.speech_stopped(self._items.open.id, change.sample - self._padded_samples)
                due = change.spoken_sample + samples_of_ms(SETTLED_MS)
                await self._commit(change.sample, min(due, change.sample))

    async def _commit_open(self) -> None:
        async with self._appending:
            length = self._sample - self._items.open.first_sample
            if length < samples_of_ms(SHORTEST_MS):
                raise InvalidInput(
                    f"the buffer holds {1000 * s_of_samples(length):.0f} ms of audio; commit at least {SHORTEST_MS} ms",
                    code="input_audio_buffer_commit_empty",
                )
            await self._commit(self._sample, self._sample)
            self._forget_turn()

    def _forget_turn(self) -> None:
        if self._turn_detector:
            self._turn_detector.forget()

    async def _commit(self, end_sample: int, due_sample: int) -> None:
        previous_id = self._items.last_id
        item, deltas = self._items.commit(end_sample, due_sample)
        await self._events.committed(item, previous_id)
        await self._events.deltas(deltas)

    async def fill_silences(self) -> NoReturn:
        """Words are committed at a pause: a client that stops sending gets one, and its words.

        An item may also end after the recogniser was through with it; then no more progress would tell of it.
        """
        await self._begun.wait()
        while True:
            await asyncio.sleep(IDLE_S / 2)
            async with self._telling:
                await self._progress()
            waits = self._items.next_due is not None and not self._filled
            if waits and asyncio.get_running_loop().time() - self._last_audio_s >= IDLE_S:
                async with self._appending:
                    assert self._appender is not None
                    before = self._sample
                    await self._put(self._appender, SILENCE)
                    self._padded_samples += self._sample - before
                    self._filled = True

    async def follow(self) -> NoReturn:
        """Tell what is heard. Raises Gone when the meeting is ended from elsewhere."""
        await self._begun.wait()
        with self._services.feeds.follow(self._meeting_id) as subscription:
            async for event in subscription.events():
                if event.type == "segment":
                    async with self._telling:
                        await self._hear(event)
                elif event.type == "coverage":
                    async with self._telling:
                        self._through_sample = max(self._through_sample, _committed_sample(event))
                        await self._progress()
                elif event.type == "state" and event.data["state"] != MeetingState.LIVE:
                    break
        raise Gone(f"the session's meeting '{self._meeting_id}' was ended; begin another session")

    async def _hear(self, event: Event) -> None:
        """Take the words of a segment that are new."""
        known = self._words.get(event.data["id"], 0)
        new = event.data["words"][known:]
        self._words[event.data["id"]] = known + len(new)
        self._seq = max(self._seq, event.seq or 0)
        words = [CommittedWord(word["text"], samples_of_s((word["start_s"] + word["end_s"]) / 2)) for word in new]
        await self._events.deltas(self._items.take(words))

    async def _progress(self) -> None:
        """Tell of the items that are whole, now that the track is committed to `_through_sample`."""
        through, due = self._through_sample, self._items.next_due
        if due is not None and due.due_sample <= through:
            # A hint of the last words may be lost or late; the rows are there.
            rows = await asyncio.to_thread(rows_after, self._services.database, self._meeting_id, self._seq)
            for event in rows.events:
                if event.type == "segment":
                    await self._hear(event)
        unclaimed = self._items.oldest_unclaimed
        if unclaimed and unclaimed.middle_sample < through - samples_of_s(UNHEARD_S) and self._turn_detector:
            async with self._appending:
                await self._commit(through, through)
        while item := self._items.complete(through):
            await self._tell(item)

    async def _tell(self, item: RealtimeItem) -> None:
        if item.cleared:
            return
        end_sample = item.end_sample or item.due_sample
        reason = None
        if not item.text:
            reason = await asyncio.to_thread(self._failure, item.first_sample, end_sample)
        if reason is not None:
            await self._events.failed(item, reason)
        else:
            await self._events.completed(item, s_of_samples(end_sample - item.first_sample))

    def _failure(self, first_sample: int, end_sample: int) -> str | None:
        """Why audio between the two was not transcribed, if some was not."""
        lost = (CoverageKind.FAILED, CoverageKind.MISSING, CoverageKind.SHED)
        with self._services.database.read() as session:
            return session.scalar(
                select(Coverage.kind + ": " + Coverage.reason)
                .join(Track, Track.id == Coverage.track_id)
                .where(Track.meeting_id == self._meeting_id, Coverage.kind.in_(lost))
                .where(Coverage.first_sample < end_sample, Coverage.end_sample > first_sample)
                .limit(1)
            )


def _committed_sample(event: Event) -> int:
    """Of the session's only track."""
    told = event.data.get("committed_sample")
    return int(told) if told is not None else samples_of_s(event.data["received_s"] - event.data["pending_s"])


def _decoded(audio: str) -> bytes:
    try:
        return base64.b64decode(audio, validate=True)
    except binascii.Error as error:
        raise InvalidAudio(
            f"audio is no base64 ({error}); send PCM16 at {RATE_HZ} Hz in base64", param="audio"
        ) from error
