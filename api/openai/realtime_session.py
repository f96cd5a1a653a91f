"""A realtime session. Its audio becomes a live meeting; the words of the meeting become the items of the session."""

from __future__ import annotations

import asyncio
import base64
from contextlib import suppress
from typing import NoReturn

from sqlalchemy import select

from api.auth.keys import Principal
from api.live.catch_up import rows_after
from api.live.track_writer import TrackWriter
from api.openai.client_events import RATE_HZ, Append, BetaUpdate, Buffer, ClientEvent, SessionConfig, Update
from api.openai.items import CommittedWord, RealtimeItem, RealtimeItems
from api.openai.server_events import ServerEvents
from api.openai.session_meeting import AudioAppender, Resampler, check_transcription, save_meeting
from api.openai.turn_detection import TurnDetector, TurnStarted
from api.services import Services
from schema.core.errors import Gone, InvalidAudio, InvalidInput, MinutebookError
from schema.core.events import Event
from schema.core.states import CoverageKind, MeetingState
from schema.core.units import BYTES_PER_SAMPLE, s_of_samples, samples_of_ms, samples_of_s
from schema.meetings.tables import Coverage, Track

PIECE_BYTES = RATE_HZ * BYTES_PER_SAMPLE
"""One second of the client's audio: the most that is handled at once."""
IDLE_S = 0.6
"""A client that waits for an item and has sent nothing for this long gets its text without a pause in the speech."""
COMMIT_MARGIN_MS = 100
"""The words of a turn are complete once the recogniser is this far behind the last speech of the turn."""
UNCLAIMED_S = 2.0
"""If no turn claims a word within this time, turn detection has missed it, and the word gets an item of its own."""
SHORTEST_MS = 100
"""The shortest buffer that can be committed, as in OpenAI's API."""


class RealtimeSession:
    """Run `follow` and `flush_when_idle`, and call `handle` for each client event. Always call `finish`."""

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
        self._started = asyncio.Event()
        self._appending = asyncio.Lock()
        self._item_lock = asyncio.Lock()
        self._transcribed_sample = 0
        self._last_audio_s = 0.0
        self._seq = 0
        self._known_words: dict[int, int] = {}

    @property
    def started(self) -> bool:
        """Whether there is a meeting. The first audio creates it."""
        return self._appender is not None

    async def handle(self, event: ClientEvent) -> None:
        """Raises InvalidInput if the client can send the event in another way, and the errors of `TrackWriter`."""
        match event:
            case Append():
                await self._append(_decode_audio(event.audio))
            case Buffer(type="input_audio_buffer.commit"):
                await self._commit_open()
            case Buffer():
                async with self._appending:
                    self._items.clear(self._end_sample)
                    self._reset_turn()
                await self._events.cleared()
            case Update() | BetaUpdate():
                await self._update(event)

    async def finish(self) -> None:
        """Finish the meeting, which then gets its minutes."""
        if self._appender is not None:
            with suppress(MinutebookError):  # the sweep finishes a meeting that stays open
                await asyncio.shield(self._appender.finish())

    @property
    def _end_sample(self) -> int:
        return self._appender.sample if self._appender else 0

    def _new_turn_detector(self, sample: int) -> TurnDetector | None:
        return TurnDetector(self._config.turn_detection, sample) if self._config.turn_detection else None

    async def _update(self, event: Update | BetaUpdate) -> None:
        config = self._config.updated(event)
        await check_transcription(self._services, config.transcription)
        if self.started:
            await self._save_meeting(config)
        detection_changed = config.turn_detection != self._config.turn_detection
        self._config = config
        if detection_changed:
            self._turn_detector = self._new_turn_detector(self._end_sample)
        await self._events.session("updated", config, self.session_id)

    async def _save_meeting(self, config: SessionConfig) -> None:
        transcription = config.transcription
        await save_meeting(self._services, self._principal, self._meeting_id, transcription, exists=self.started)

    async def _append(self, pcm: bytes) -> None:
        async with self._appending:
            appender = self._appender or await self._start()
            for at in range(0, len(pcm), PIECE_BYTES):
                await self._append_piece(appender, pcm[at : at + PIECE_BYTES])
            self._last_audio_s = asyncio.get_running_loop().time()

    async def _start(self) -> AudioAppender:
        await self._save_meeting(self._config)
        writer = await TrackWriter.of(self._services, self._principal, self._meeting_id, "main")
        await writer.resume_sample()  # opens the mailbox
        self._appender = AudioAppender(writer)
        self._started.set()
        return self._appender

    async def _append_piece(self, appender: AudioAppender, pcm: bytes) -> None:
        audio = self._resampler.take(pcm)
        await appender.append(audio)
        for change in self._turn_detector.process(audio) if self._turn_detector else ():
            if isinstance(change, TurnStarted):
                await self._events.speech_started(self._items.open.id, change.sample)
                await self._events.deltas(self._items.announce())
            else:
                await self._events.speech_stopped(self._items.open.id, change.sample)
                due = change.spoken_sample + samples_of_ms(COMMIT_MARGIN_MS)
                await self._commit(change.sample, min(due, change.sample))

    async def _commit_open(self) -> None:
        async with self._appending:
            length = self._end_sample - self._items.open.first_sample
            if length < samples_of_ms(SHORTEST_MS):
                raise InvalidInput(
                    f"the buffer holds {1000 * s_of_samples(length):.0f} ms of audio; commit at least {SHORTEST_MS} ms",
                    code="input_audio_buffer_commit_empty",
                )
            await self._commit(self._end_sample, self._end_sample)
            self._reset_turn()

    def _reset_turn(self) -> None:
        if self._turn_detector:
            self._turn_detector.reset()

    async def _commit(self, end_sample: int, due_sample: int) -> None:
        previous_id = self._items.last_id
        item, deltas = self._items.commit(end_sample, due_sample)
        await self._events.committed(item, previous_id)
        await self._events.deltas(deltas)

    async def flush_when_idle(self) -> NoReturn:
        """Ask for the text of a waiting item when the client stops sending, because no pause ends its words then.

        An item may also end after the recogniser has transcribed all of it, and an event may be lost. So this loop also
        completes items without an event.
        """
        await self._started.wait()
        assert self._appender is not None
        while True:
            await asyncio.sleep(IDLE_S / 2)
            async with self._item_lock:
                await self._complete_items()
            idle_s = asyncio.get_running_loop().time() - self._last_audio_s
            if self._items.next_due is not None and idle_s >= IDLE_S:
                async with self._appending:
                    await self._appender.flush()
                committed_sample = await asyncio.to_thread(self._committed_sample)
                self._transcribed_sample = max(self._transcribed_sample, committed_sample)

    async def follow(self) -> NoReturn:
        """Send the words of the meeting to the client. Raises Gone if somebody else ends the meeting."""
        await self._started.wait()
        with self._services.feeds.follow(self._meeting_id) as subscription:
            async for event in subscription.events():
                if event.type == "segment":
                    async with self._item_lock:
                        await self._handle_segment(event)
                elif event.type == "coverage":
                    async with self._item_lock:
                        self._transcribed_sample = max(self._transcribed_sample, _answered_sample(event))
                        await self._complete_items()
                elif event.type == "state" and event.data["state"] != MeetingState.LIVE:
                    break
        raise Gone(f"the session's meeting '{self._meeting_id}' was ended by somebody else; begin another session")

    async def _handle_segment(self, event: Event) -> None:
        """Add the new words of a segment."""
        known = self._known_words.get(event.data["id"], 0)
        new = event.data["words"][known:]
        self._known_words[event.data["id"]] = known + len(new)
        self._seq = max(self._seq, event.seq or 0)
        words = [CommittedWord(word["text"], samples_of_s((word["start_s"] + word["end_s"]) / 2)) for word in new]
        await self._events.deltas(self._items.add_words(words))

    async def _complete_items(self) -> None:
        """Send the items that end at or before `_transcribed_sample`."""
        transcribed, due = self._transcribed_sample, self._items.next_due
        if due is not None and due.due_sample <= transcribed:
            # The event of the last words may be late or lost; their rows are in SQL.
            rows = await asyncio.to_thread(rows_after, self._services.database, self._meeting_id, self._seq)
            for event in rows.events:
                if event.type == "segment":
                    await self._handle_segment(event)
        unclaimed = self._items.oldest_unclaimed
        if unclaimed and unclaimed.middle_sample < transcribed - samples_of_s(UNCLAIMED_S) and self._turn_detector:
            async with self._appending:
                await self._commit(transcribed, transcribed)
        while item := self._items.complete(transcribed):
            await self._send_result(item)

    async def _send_result(self, item: RealtimeItem) -> None:
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

    def _committed_sample(self) -> int:
        with self._services.database.read() as session:
            chosen = select(Track.committed_sample).where(Track.meeting_id == self._meeting_id)
            return session.scalar(chosen) or 0

    def _failure(self, first_sample: int, end_sample: int) -> str | None:
        """The reason why some audio between the two positions was not transcribed, None if all was."""
        lost = (CoverageKind.FAILED, CoverageKind.MISSING, CoverageKind.SHED)
        with self._services.database.read() as session:
            return session.scalar(
                select(Coverage.kind + ": " + Coverage.reason)
                .join(Track, Track.id == Coverage.track_id)
                .where(Track.meeting_id == self._meeting_id, Coverage.kind.in_(lost))
                .where(Coverage.first_sample < end_sample, Coverage.end_sample > first_sample)
                .limit(1)
            )


def _answered_sample(event: Event) -> int:
    """The position up to which the session's only track is committed, apart from held words."""
    stated = event.data.get("answered_sample", event.data.get("committed_sample"))
    return int(stated) if stated is not None else samples_of_s(event.data["received_s"] - event.data["pending_s"])


def _decode_audio(audio: str) -> bytes:
    try:
        return base64.b64decode(audio, validate=True)
    except ValueError as error:
        raise InvalidAudio(
            f"audio is not base64 ({error}); send PCM16 at {RATE_HZ} Hz in base64", param="audio"
        ) from error
