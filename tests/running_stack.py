"""A real stack with real clients for whole meetings, and the checks that nothing of a meeting was lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import httpx
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, TimeoutError
from redis.retry import Retry
from sqlalchemy import select

from api.client.audio_source import pcm_chunks, read_file
from api.client.http import Http
from api.client.live import LiveTrack
from api.client.pace import from_memory, paced
from api.client.view import MeetingView
from deploy.fresh import fresh_stack
from deploy.supervisor import Stack
from schema.core.database import Database
from schema.core.errors import MailboxMissing
from schema.core.states import MeetingState, SummaryKind
from schema.core.units import BYTES_PER_SAMPLE, s_of_samples, samples_of_s
from schema.mailbox import Mailbox, Status
from schema.meetings.tables import Coverage, Failure, Segment, Summary, Track
from schema.meetings.wire import NewMeeting, NewTrack
from schema.minutes.minutes import MINUTES, Minutes
from tests.models import FOLDER, ROOT
from tests.stack_process import StackProcess
from tests.waiting import PATIENCE_S, wait_until
from workers.asr.error_rates import word_error_rate

SAMPLE_FOLDER = ROOT / "deploy/demo"
ENVIRONMENT = {"MINUTEBOOK_LEASE_MS": "4000", "MINUTEBOOK_MODEL_DIR": str(FOLDER)}
ALL_BUT_FLOWER = ("redis", "migrate", "api", "transcribe", "summarize", "beat")
CLIP_S = 36.4
TIE_WER = 0.05
"""Word error rate between two readings of the same audio whose windows were cut differently: 4 of the clip's 97 words,
since a tie in decoding may decide a phrase of two or three words."""
_undisturbed_transcripts: list[str] = []


def sample_meeting(end_s: float | None = None) -> bytes:
    """The sample meeting, or its first *end_s* seconds, as PCM16."""
    pcm = read_file(SAMPLE_FOLDER / "meeting.flac")
    return pcm if end_s is None else pcm[: samples_of_s(end_s) * BYTES_PER_SAMPLE]


@dataclass
class StreamedMeeting:
    """A meeting and its audio by track. `views` holds what the client of each track has received."""

    meeting_id: str
    pcm: dict[str, bytes]
    views: dict[str, MeetingView] = field(default_factory=dict)
    reconnects: int = 0
    """Of all clients together."""
    streaming: Future[None] | None = None

    @property
    def audio_s(self) -> float:
        return sum(s_of_samples(len(pcm) // BYTES_PER_SAMPLE) for pcm in self.pcm.values())

    def seen_by_clients(self) -> dict[str, str]:
        """How far the client of each track has come, for messages."""
        return {name: _summary(view) for name, view in tuple(self.views.items())}


def _summary(view: MeetingView) -> str:
    minutes = "final" if view.final is not None else f"rolling versions {sorted(view.rolling_versions)}"
    connection = f", reconnecting because {view.connection}" if view.connection else ""
    return f"{view.state}, {len(view.text)} characters, minutes: {minutes}, {view.coverage!r}{connection}"


class RunningStack:
    """A stack, its database and its Redis. Clients of a meeting give up after *patience_s*."""

    def __init__(self, stack: Stack | StackProcess, patience_s: float = PATIENCE_S) -> None:
        self.stack = stack
        self._patience_s = patience_s
        self.database = Database(stack.database_url)
        self.connect()
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="meeting")

    def connect(self) -> None:
        """Connect to the stack's Redis. A new supervisor may have chosen another port for it."""
        retry = Retry(ConstantBackoff(0.1), 300)
        lost: list[type[Exception]] = [ConnectionError, TimeoutError, BusyLoadingError]
        self.redis = Redis.from_url(self.stack.redis_url, retry=retry, retry_on_error=lost)
        self.mailbox = Mailbox(self.redis)

    def close(self) -> None:
        self._threads.shutdown()
        self.redis.close()
        self.database.close()

    def create(self, title: str = "Launch", **tracks: bytes) -> StreamedMeeting:
        """Create a meeting with a track for each name, whose speaker has the same name."""
        wanted = [NewTrack(name=name, speaker=None if name == "main" else name.title()) for name in tracks]
        body = NewMeeting(title=title, tracks=wanted).model_dump(mode="json")
        answer = httpx.post(f"{self.stack.api_url}/v1/meetings", json=body, trust_env=False, timeout=60)
        answer.raise_for_status()
        return StreamedMeeting(answer.json()["id"], tracks)

    def start_streaming(self, meeting: StreamedMeeting, speed: float) -> None:
        """Send all tracks at once, at *speed* times real time, and receive events until the meeting is finished."""
        meeting.streaming = self._threads.submit(asyncio.run, self._stream_all(meeting, speed))

    def wait_until_streamed(self, meeting: StreamedMeeting) -> None:
        """Wait for the end of `start_streaming`. Raises what a client of the meeting raised."""
        streaming = meeting.streaming
        assert streaming is not None

        def look() -> dict[str, str]:
            if streaming.done():
                streaming.result()
            return meeting.seen_by_clients()

        # The clients give up by themselves.
        patience_s = 2 * self._patience_s
        wait_until(
            "its clients know that the meeting is finished", look, lambda _: streaming.done(), patience_s=patience_s
        )

    async def _stream_all(self, meeting: StreamedMeeting, speed: float) -> None:
        unsent, all_sent = set(meeting.pcm), asyncio.Event()

        async def until_all_are_sent(name: str) -> None:
            """The first client to end its track would finish the meeting for the others."""
            unsent.discard(name)
            if not unsent:
                all_sent.set()
            await all_sent.wait()

        async with asyncio.timeout(self._patience_s), asyncio.TaskGroup() as group:
            for name in meeting.pcm:
                group.create_task(self._stream(meeting, name, speed, until_all_are_sent))

    async def _stream(
        self, meeting: StreamedMeeting, name: str, speed: float, sent: Callable[[str], Awaitable[None]]
    ) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            async for chunk in paced(from_memory(pcm_chunks(meeting.pcm[name])), speed):
                yield chunk
            await sent(name)

        track = LiveTrack(self.stack.api_url, meeting.meeting_id, track=name, retry_limit_s=self._patience_s)
        view = meeting.views.setdefault(name, MeetingView())
        async for arrival in track.stream(chunks()):
            view.take(arrival.event)
        meeting.reconnects += track.reconnects

    def stream(
        self, pcm: bytes, disturb: Callable[[StreamedMeeting], None], speed: float = 6.0, title: str = "Launch"
    ) -> StreamedMeeting:
        """Stream a whole meeting of one track, call *disturb* meanwhile, and wait until it is finished."""
        meeting = self.create(title, main=pcm)
        self.start_streaming(meeting, speed)
        disturb(meeting)
        self.wait_until_streamed(meeting)
        return meeting

    def track_id(self, meeting: StreamedMeeting, track: str = "main") -> str:
        with self.database.read() as session:
            chosen = select(Track.id).where(Track.meeting_id == meeting.meeting_id, Track.name == track)
            return session.scalars(chosen).one()

    def status(self, meeting: StreamedMeeting, track: str = "main") -> Status:
        """The status of a track's mailbox. Raises MailboxMissing before its producer has connected."""
        return self.mailbox.status(self.track_id(meeting, track))

    def wait_until_claimed(self, meeting: StreamedMeeting) -> int:
        """Wait until a worker holds the meeting's track and has committed some of it. Returns its process id."""

        def look() -> tuple[bool, int, str]:
            status = self.status(meeting)
            return status.lease_ms is not None, status.committed_sample, status.worker

        _, _, worker = wait_until(
            "a worker holds the track and has committed some of it (held, committed sample, worker)",
            look,
            lambda seen: seen[0] and seen[1] > 0,
            retry_on=MailboxMissing,
        )
        return int(worker.rpartition("-")[2])

    def state(self, meeting: StreamedMeeting) -> MeetingState:
        return asyncio.run(self._state(meeting.meeting_id))

    async def _state(self, meeting_id: str) -> MeetingState:
        async with Http(self.stack.api_url) as http:
            return (await http.meeting(meeting_id)).state

    def transcript(self, meeting: StreamedMeeting) -> str:
        """The transcript in the database, tracks merged by time."""
        with self.database.read() as session:
            chosen = select(Segment.text).where(Segment.meeting_id == meeting.meeting_id)
            return " ".join(session.scalars(chosen.order_by(Segment.first_sample, Segment.id)))

    def final_minutes(self, meeting: StreamedMeeting) -> Minutes:
        """The final minutes. There must be exactly one row of them."""
        with self.database.read() as session:
            chosen = select(Summary).where(Summary.meeting_id == meeting.meeting_id, Summary.kind == SummaryKind.FINAL)
            (row,) = session.scalars(chosen).all()
        return MINUTES.validate_python(row.body)

    def assert_complete(self, meeting: StreamedMeeting, expected_text: str) -> None:
        """Nothing of the meeting is lost or doubled, and its text is *expected_text* but for ties."""
        assert self.state(meeting) == MeetingState.FINISHED
        self._assert_covered(meeting)
        text = self.transcript(meeting)
        assert word_error_rate([(expected_text, text)]) <= TIE_WER, f"{text!r} is not {expected_text!r}"
        assert self.final_minutes(meeting).overview
        for view in meeting.views.values():
            assert view.text == text
            assert view.final is not None
        with self.database.read() as session:
            assert session.scalars(select(Failure)).all() == []
            without_note = select(Segment).where(Segment.meeting_id == meeting.meeting_id, Segment.note_id.is_(None))
            assert session.scalars(without_note).all() == []

    def _assert_covered(self, meeting: StreamedMeeting) -> None:
        """The coverage rows tile every track from start to end; nothing is missing, failed or pending."""
        with self.database.read() as session:
            tracks = session.scalars(select(Track).where(Track.meeting_id == meeting.meeting_id)).all()
            for track in tracks:
                chosen = select(Coverage).where(Coverage.track_id == track.id).order_by(Coverage.first_sample)
                rows = session.scalars(chosen).all()
                edges = [0, *(row.end_sample for row in rows)]
                end = len(meeting.pcm[track.name]) // BYTES_PER_SAMPLE
                assert [row.first_sample for row in rows] == edges[:-1]
                assert edges[-1] == track.committed_sample == track.closed_sample == end
                assert {row.kind for row in rows} <= {"transcribed", "silent"}
        self._assert_coverage_in_api(meeting)

    def _assert_coverage_in_api(self, meeting: StreamedMeeting) -> None:
        """The API reports the coverage that the rows add up to."""
        answer = httpx.get(f"{self.stack.api_url}/v1/meetings/{meeting.meeting_id}", trust_env=False, timeout=60).json()
        coverage = answer["coverage"]
        assert coverage["pending_s"] == 0
        assert coverage["received_s"] == meeting.audio_s
        assert abs(coverage["transcribed_s"] + coverage["silent_s"] - meeting.audio_s) < 1e-3

    @cached_property
    def clip(self) -> bytes:
        """The audio of the disturbed meetings: the first five turns of the sample meeting."""
        return sample_meeting(CLIP_S)

    @property
    def undisturbed_transcript(self) -> str:
        """The transcript of `clip` without disturbance, made once by the first stack: all use the same model."""
        if not _undisturbed_transcripts:
            meeting = self.stream(self.clip, lambda _: None)
            self.assert_complete(meeting, reference_text(CLIP_S))
            _undisturbed_transcripts.append(self.transcript(meeting))
        return _undisturbed_transcripts[0]


def reference_text(end_s: float) -> str:
    """The text of the sample meeting's turns that start before *end_s*."""
    turns = json.loads((SAMPLE_FOLDER / "segments.json").read_text())
    return " ".join(str(turn["text"]) for turn in turns if turn["start_s"] < end_s)


@contextmanager
def running_stack(
    folder: Path, processes: tuple[str, ...] = ALL_BUT_FLOWER, environment: dict[str, str] | None = None
) -> Iterator[RunningStack]:
    """A new stack, stopped at the end of the block."""
    variables = {**ENVIRONMENT, **(environment or {})}
    with fresh_stack(folder, processes=processes, environment=variables) as stack:
        running = RunningStack(stack)
        try:
            yield running
        finally:
            running.close()
