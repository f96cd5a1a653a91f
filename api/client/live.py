"""Streams the audio of a live track, sends lost audio again, and yields the meeting's events."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI

from api.client.http import error_of, error_of_text, unreachable
from api.client.resend import ResendBuffer, SendLog
from schema.core.errors import AudioGap, Backlogged, InvalidInput, MinutebookError, TrackClosed
from schema.core.events import ENDING_STATES, Event
from schema.core.states import MeetingState
from schema.core.units import samples_of_s
from schema.meetings.live_wire import LiveFrame, SkipControl

FIRST_BACKOFF_S = 0.2
LONGEST_BACKOFF_S = 5.0
GAP_PAUSE_S = 0.25
"""Frames that were sent after a refused one are refused too. Their refusals arrive within this pause."""
RETRY_PAUSE_S = 1.0


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event and the time at which it arrived, in seconds of `time.monotonic()`."""

    event: Event
    at_s: float


class LiveTrack:
    """One track of a meeting, over as many connections as necessary.

    Audio is kept until the server has committed it to its database, but at most *kept_limit_s* of it. That is the
    server's backlog limit: the server never holds more audio that is not committed.
    """

    def __init__(
        self,
        url: str,
        meeting_id: str,
        *,
        key: str | None = None,
        track: str = "main",
        retry_limit_s: float = 120.0,
        kept_limit_s: float = 900.0,
    ) -> None:
        self.url = url.rstrip("/")
        self.meeting_id = meeting_id
        self.track = track
        self.sent = SendLog()
        self.ack_ms: list[float] = []
        self.reconnects = 0
        self.received_sample = 0
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._retry_limit_s = retry_limit_s
        self._kept_limit = samples_of_s(kept_limit_s)
        self._arrivals: asyncio.Queue[Arrival | None] = asyncio.Queue()
        self._buffer = ResendBuffer()
        self._unacknowledged: deque[tuple[int, float]] = deque()
        self._next_sample = 0
        self._last_seq = 0
        self._hold_until_s = 0.0
        self._source_ended = False
        self._finish_wanted = True
        self._finish_sent = False
        self._state = MeetingState.LIVE
        self._refusal: MinutebookError | None = None
        self._started = asyncio.Event()
        self._resumed = asyncio.Event()
        self._changed = asyncio.Event()

    async def stream(self, chunks: AsyncIterator[bytes], *, finish: bool = True) -> AsyncGenerator[Arrival]:
        """Send *chunks* of PCM16, and yield events until the meeting has ended.

        Without *finish* the meeting goes on, and this ends when the server has received all audio. Raises the server's
        error if it cannot be retried, and Unavailable if the server is unreachable for longer than `retry_limit_s`.
        """
        self._finish_wanted = finish
        work = asyncio.create_task(self._run(chunks))
        work.add_done_callback(lambda _: self._arrivals.put_nowait(None))
        try:
            while (arrival := await self._arrivals.get()) is not None:
                yield arrival
            await work
        finally:
            await _cancel(work)

    async def _run(self, chunks: AsyncIterator[bytes]) -> None:
        reading = asyncio.create_task(self._read_source(chunks))
        connection = asyncio.create_task(self._stay_connected())
        try:
            await asyncio.wait({reading, connection}, return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            await connection
        finally:
            await _cancel(reading, connection)

    async def _read_source(self, chunks: AsyncIterator[bytes]) -> None:
        await self._started.wait()
        async for pcm in chunks:
            self._buffer.add(pcm)
            self._changed.set()
            while self._buffer.kept_samples > self._kept_limit:
                await asyncio.sleep(0.05)
        self._source_ended = True
        self._changed.set()

    async def _stay_connected(self) -> None:
        backoff_s, give_up_at_s = FIRST_BACKOFF_S, time.monotonic() + self._retry_limit_s
        while True:
            try:
                async with connect(self._address(), additional_headers=self._headers, max_size=1 << 24) as socket:
                    await self._run_connection(socket)
                    if self._resumed.is_set():
                        backoff_s, give_up_at_s = FIRST_BACKOFF_S, time.monotonic() + self._retry_limit_s
                    code, why = socket.close_code, socket.close_reason or "no reason given"
                    reason: Exception = ConnectionError(f"the connection ended with code {code}: {why}")
            except InvalidURI as error:
                raise InvalidInput(f"{self.url!r} is not the URL of an API; write http://host:port") from error
            except InvalidStatus as error:
                reason = _handshake_error(error, self.url)
            except (OSError, InvalidHandshake, TimeoutError) as error:
                reason = error
            if self._is_over():
                return
            if time.monotonic() > give_up_at_s:
                raise unreachable(self.url, reason) from reason
            self._report("connection", {"state": "reconnecting", "reason": str(reason) or type(reason).__name__})
            self.reconnects += 1
            await asyncio.sleep(backoff_s * random.uniform(0.5, 1.0))  # noqa: S311 - spreads reconnects, not a secret
            backoff_s = min(2 * backoff_s, LONGEST_BACKOFF_S)

    def _address(self) -> str:
        query = urlencode({"track": self.track, "after": self._last_seq})
        return f"ws{self.url.removeprefix('http')}/v1/meetings/{self.meeting_id}/live?{query}"

    def _is_over(self) -> bool:
        if self._state in ENDING_STATES:
            return True
        if not self._finish_wanted and self._all_received():
            return True
        if self._refusal is not None and not self._refusal.retryable:
            raise self._refusal
        return False

    async def _run_connection(self, socket: ClientConnection) -> None:
        """Use one connection until it ends."""
        self._refusal = None
        self._finish_sent = False
        self._resumed.clear()
        self._unacknowledged.clear()
        reading = asyncio.create_task(self._read(socket))
        writing = asyncio.create_task(self._write(socket))
        try:
            await asyncio.wait({reading, writing}, return_when=asyncio.FIRST_COMPLETED)
            if writing.done():
                writing.result()
            else:
                reading.result()
        finally:
            await _cancel(reading, writing)

    async def _read(self, socket: ClientConnection) -> None:
        try:
            async for message in socket:
                at_s = time.monotonic()
                event = Event.decode(message)
                self._handle(event, at_s)
                self._arrivals.put_nowait(Arrival(event, at_s))
                if self._state in ENDING_STATES or (self._refusal is not None and not self._refusal.retryable):
                    return
        except ConnectionClosed:
            pass  # the network failed; `_stay_connected` reads the reason from the socket and connects again
        code = socket.close_code or 0
        if self._refusal is None and 4000 <= code < 5000:
            self._refusal = MinutebookError(f"the server closed the connection: {socket.close_reason or code}")

    async def _write(self, socket: ClientConnection) -> None:
        await self._resumed.wait()
        try:
            while self._finish_wanted or not self._all_received():
                if not await self._write_next(socket):
                    await self._changed.wait()
                    self._changed.clear()
        except ConnectionClosed:
            await asyncio.sleep(1)  # the reader notices it too, after the events that arrived before

    async def _write_next(self, socket: ClientConnection) -> bool:
        """Send the next frame or control message. Returns False if there is nothing to send at the moment."""
        hold_s = self._hold_until_s - time.monotonic()
        if hold_s > 0:
            await asyncio.sleep(hold_s)
        elif self._next_sample < self._buffer.first_sample:
            self._next_sample = self._buffer.first_sample
            await socket.send(SkipControl(type="skip", to_sample=self._next_sample).model_dump_json())
        elif piece := self._buffer.at(self._next_sample):
            self._next_sample = piece.end_sample
            sent_s = time.monotonic()
            self.sent.note(piece.end_sample, sent_s)
            self._unacknowledged.append((piece.end_sample, sent_s))
            await socket.send(LiveFrame(piece.first_sample, piece.pcm).encode())
        elif self._may_finish():
            self._finish_sent = True
            await socket.send('{"type":"finish"}')
        else:
            return False
        return True

    def _all_received(self) -> bool:
        return self._source_ended and self.received_sample >= self._buffer.end_sample

    def _may_finish(self) -> bool:
        return self._finish_wanted and not self._finish_sent and self._all_received()

    def _handle(self, event: Event, at_s: float) -> None:
        self._last_seq = max(self._last_seq, event.seq or 0)
        match event.type:
            case "state":
                self._handle_state(event.data)
            case "ack":
                self._handle_ack(int(event.data["received_sample"]), at_s)
            case "error":
                self._handle_error(error_of(event.data), at_s)
            case "coverage" if event.data.get("track") == self.track:
                self._buffer.drop(event.data["committed_sample"])
        self._changed.set()

    def _handle_state(self, data: dict[str, Any]) -> None:
        self._state = MeetingState(data["state"])
        resume_sample = data.get("resume_sample")
        if resume_sample is None:
            return
        if not self._started.is_set():
            self._buffer.start_at(resume_sample)
        self.received_sample = self._next_sample = resume_sample
        self._buffer.drop(min(data["committed_sample"], resume_sample))
        self._started.set()
        self._resumed.set()

    def _handle_ack(self, received_sample: int, at_s: float) -> None:
        self.received_sample = max(self.received_sample, received_sample)
        while self._unacknowledged and self._unacknowledged[0][0] <= received_sample:
            self.ack_ms.append(1000 * (at_s - self._unacknowledged.popleft()[1]))
        self._buffer.drop(self.received_sample - self._kept_limit)

    def _handle_error(self, error: MinutebookError, at_s: float) -> None:
        match error:
            case AudioGap():
                self._go_back(_position(error, "expected_sample"), at_s + GAP_PAUSE_S)
            case Backlogged():
                wait_ms = _position(error, "retry_after_ms")
                self._go_back(_position(error, "received_sample"), at_s + max(wait_ms / 1000, GAP_PAUSE_S))
            case TrackClosed() if self._all_received():
                pass  # somebody else finished the meeting after all our audio had arrived
            case _:
                self._refusal = error
                if error.retryable:  # the frame was refused, although the connection may still be open
                    self._go_back(self.received_sample, at_s + RETRY_PAUSE_S)

    def _go_back(self, sample: int, hold_until_s: float) -> None:
        self._next_sample = sample
        self.received_sample = min(self.received_sample, sample)
        self._finish_sent = False  # it followed a refused frame or was itself refused
        self._hold_until_s = max(self._hold_until_s, hold_until_s)
        self._unacknowledged.clear()

    def _report(self, kind: str, data: dict[str, Any]) -> None:
        self._arrivals.put_nowait(Arrival(Event(kind, data), time.monotonic()))


def _position(error: MinutebookError, name: str) -> int:
    value = error.facts.get(name)
    if not isinstance(value, int):
        raise MinutebookError(f"the server's '{error.slug}' lacks {name}: {error.detail}")
    return value


def _handshake_error(error: InvalidStatus, url: str) -> MinutebookError:
    """The error of a refused handshake. Raised at once if a retry cannot help."""
    answer = error.response
    text = (answer.body or b"").decode(errors="replace")
    try:
        refused = error_of(json.loads(text))
    except (ValueError, AttributeError):
        refused = error_of_text(answer.status_code, text, url)
    if not refused.retryable:
        raise refused from error
    return refused


async def _cancel(*tasks: asyncio.Task[None]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
