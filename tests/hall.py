"""A hall for whole meetings: a real stack, real clients, and one question afterwards, whether all of it is there."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import httpx
from redis import Redis
from redis.backoff import ConstantBackoff
from redis.exceptions import BusyLoadingError, ConnectionError, TimeoutError
from redis.retry import Retry
from sqlalchemy import select

from api.client import Http, LiveTrack
from api.client.audio_source import pcm_chunks, read_file
from api.client.pace import from_memory, paced
from api.client.view import MeetingView
from deploy.fresh import fresh_stack
from deploy.supervisor import Stack
from schema.core.database import Database
from schema.core.errors import MailboxMissing
from schema.core.states import MeetingState, SummaryKind
from schema.core.units import BYTES_PER_SAMPLE, s_of_samples, samples_of_s
from schema.mailbox import Mailbox, Status
from schema.meetings.minutes import MINUTES, Minutes
from schema.meetings.tables import Coverage, Failure, Segment, Summary, Track
from schema.meetings.wire import NewMeeting, NewTrack
from tests.models import FOLDER, ROOT
from workers.asr.error_rates import word_error_rate

SAMPLE = ROOT / "deploy/demo"
PATIENCE_S = 300.0
"""How long anything may take on a slow machine that others use too."""
ENVIRONMENT = {"MINUTEBOOK_LEASE_MS": "4000", "MINUTEBOOK_MODEL_DIR": str(FOLDER)}
ALL_BUT_FLOWER = ("redis", "migrate", "api", "transcribe", "summarize", "beat")
CLIP_S = 36.4
TIES = 0.05
"""Share of words by which two readings of the same audio may differ when their windows were cut differently: 4 of the
clip's 97, since a decoding tie may turn on a phrase of two or three."""
_undisturbed: list[str] = []


def eventually(what: str, holds: Callable[[], bool]) -> None:
    """Wait for something that must come to hold; fails with its name when it does not."""
    give_up_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < give_up_s, f"not so after {PATIENCE_S:g} s: {what}"
        time.sleep(0.02)


def sample_meeting(end_s: float | None = None) -> bytes:
    """The sample meeting, or its first *end_s* seconds, as PCM16."""
    pcm = read_file(SAMPLE / "meeting.flac")
    return pcm if end_s is None else pcm[: samples_of_s(end_s) * BYTES_PER_SAMPLE]


@dataclass
class Sitting:
    """One meeting under way. `views` are what its clients have heard, by track; `reconnects` over all of them."""

    meeting_id: str
    pcm: dict[str, bytes]
    views: dict[str, MeetingView] = field(default_factory=dict)
    reconnects: int = 0

    @property
    def received_s(self) -> float:
        return sum(s_of_samples(len(pcm) // BYTES_PER_SAMPLE) for pcm in self.pcm.values())


class Hall:
    """A running stack and ways to look into it."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.database = Database(stack.database_url)
        again = Retry(ConstantBackoff(0.1), 300)
        lost: list[type[Exception]] = [ConnectionError, TimeoutError, BusyLoadingError]
        self.redis = Redis.from_url(stack.redis_url, retry=again, retry_on_error=lost)
        self.mailbox = Mailbox(self.redis)
        self._threads = ThreadPoolExecutor(8, thread_name_prefix="sitting")

    def close(self) -> None:
        self._threads.shutdown()
        self.redis.close()
        self.database.close()

    def create(self, **tracks: bytes) -> Sitting:
        """A meeting with a track for each name; its speaker has the same name."""
        wanted = [NewTrack(name=name, speaker=None if name == "main" else name.title()) for name in tracks]
        body = NewMeeting(title="Launch", tracks=wanted).model_dump(mode="json")
        answer = httpx.post(f"{self.stack.api_url}/v1/meetings", json=body, trust_env=False, timeout=60)
        answer.raise_for_status()
        return Sitting(answer.json()["id"], tracks)

    def stream(self, sitting: Sitting, speed: float) -> Future[None]:
        """Speak every track at once, *speed* times as fast as people do, and listen until the meeting is finished."""
        return self._threads.submit(asyncio.run, self._stream_all(sitting, speed))

    async def _stream_all(self, sitting: Sitting, speed: float) -> None:
        spoken = asyncio.Semaphore(0)
        async with asyncio.timeout(PATIENCE_S), asyncio.TaskGroup() as group:
            for name in sitting.pcm:
                group.create_task(self._stream(sitting, name, speed, spoken))

    async def _stream(self, sitting: Sitting, name: str, speed: float, spoken: asyncio.Semaphore) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            async for chunk in paced(from_memory(pcm_chunks(sitting.pcm[name])), speed):
                yield chunk
            # Whoever is through first would finish the meeting for everybody.
            spoken.release()
            while spoken._value < len(sitting.pcm):
                await asyncio.sleep(0.05)

        track = LiveTrack(self.stack.api_url, sitting.meeting_id, track=name, retry_limit_s=PATIENCE_S)
        view = sitting.views.setdefault(name, MeetingView())
        async for arrival in track.stream(chunks()):
            view.take(arrival.event)
        sitting.reconnects += track.reconnects

    def hold(self, pcm: bytes, disturb: Callable[[Sitting], None], speed: float = 6.0) -> Sitting:
        """A whole meeting of one track, disturbed from outside while it goes on."""
        sitting = self.create(main=pcm)
        ended = self.stream(sitting, speed)
        disturb(sitting)
        ended.result(PATIENCE_S)
        return sitting

    def track_id(self, sitting: Sitting, track: str = "main") -> str:
        with self.database.read() as session:
            chosen = select(Track.id).where(Track.meeting_id == sitting.meeting_id, Track.name == track)
            return session.scalars(chosen).one()

    def status(self, sitting: Sitting, track: str = "main") -> Status:
        """Of a track's mailbox. Raises MailboxMissing before the producer has come."""
        return self.mailbox.status(self.track_id(sitting, track))

    def wait_claimed(self, sitting: Sitting) -> int:
        """Wait until a worker holds the meeting's track and has committed some of it; the worker's process id."""
        claimed: list[Status] = []

        def is_claimed() -> bool:
            with suppress(MailboxMissing):  # the producer has not come yet
                claimed[:] = [self.status(sitting)]
            return bool(claimed) and claimed[0].lease_ms is not None and claimed[0].committed_sample > 0

        eventually("a worker holds the track", is_claimed)
        return int(claimed[0].worker.rpartition("-")[2])

    def state(self, sitting: Sitting) -> MeetingState:
        return asyncio.run(self._state(sitting.meeting_id))

    async def _state(self, meeting_id: str) -> MeetingState:
        async with Http(self.stack.api_url) as http:
            return (await http.meeting(meeting_id)).state

    def text(self, sitting: Sitting) -> str:
        """The transcript in the database, tracks merged by time."""
        with self.database.read() as session:
            chosen = select(Segment.text).where(Segment.meeting_id == sitting.meeting_id)
            return " ".join(session.scalars(chosen.order_by(Segment.first_sample, Segment.id)))

    def final(self, sitting: Sitting) -> Minutes:
        """The final minutes; there must be exactly one row of them."""
        with self.database.read() as session:
            chosen = select(Summary).where(Summary.meeting_id == sitting.meeting_id, Summary.kind == SummaryKind.FINAL)
            (row,) = session.scalars(chosen).all()
        return MINUTES.validate_python(row.body)

    def assert_whole(self, sitting: Sitting, like: str) -> None:
        """Nothing of the meeting is lost or doubled, whatever happened; its text is *like* the undisturbed one."""
        assert self.state(sitting) == MeetingState.FINISHED
        self._assert_covered(sitting)
        text = self.text(sitting)
        assert word_error_rate([(like, text)]) <= TIES, f"{text!r} is not {like!r}"
        assert self.final(sitting).overview
        for view in sitting.views.values():
            assert view.text == text
            assert view.final is not None
        with self.database.read() as session:
            assert session.scalars(select(Failure)).all() == []
            unread = select(Segment).where(Segment.meeting_id == sitting.meeting_id, Segment.note_id.is_(None))
            assert session.scalars(unread).all() == []

    def _assert_covered(self, sitting: Sitting) -> None:
        """The ledger tiles every track from its beginning to its end; nothing is missing, failed or pending."""
        with self.database.read() as session:
            tracks = session.scalars(select(Track).where(Track.meeting_id == sitting.meeting_id)).all()
            for track in tracks:
                chosen = select(Coverage).where(Coverage.track_id == track.id).order_by(Coverage.first_sample)
                rows = session.scalars(chosen).all()
                edges = [0, *(row.end_sample for row in rows)]
                end = len(sitting.pcm[track.name]) // BYTES_PER_SAMPLE
                assert [row.first_sample for row in rows] == edges[:-1]
                assert edges[-1] == track.committed_sample == track.closed_sample == end
                assert {row.kind for row in rows} <= {"transcribed", "silent"}
        self._assert_told(sitting)

    def _assert_told(self, sitting: Sitting) -> None:
        """The API says the same of the coverage as the ledger."""
        answer = httpx.get(f"{self.stack.api_url}/v1/meetings/{sitting.meeting_id}", trust_env=False, timeout=60).json()
        told = answer["coverage"]
        assert told["pending_s"] == 0
        assert told["received_s"] == sitting.received_s
        assert abs(told["transcribed_s"] + told["silent_s"] - sitting.received_s) < 1e-3

    @cached_property
    def clip(self) -> bytes:
        """What the disturbed meetings say: the first five turns of the sample meeting."""
        return sample_meeting(CLIP_S)

    @property
    def undisturbed(self) -> str:
        """What comes of `clip` when nothing happens, in the first hall that is asked: the model is the same in all."""
        if not _undisturbed:
            sitting = self.hold(self.clip, lambda _: None)
            self.assert_whole(sitting, spoken(CLIP_S))
            _undisturbed.append(self.text(sitting))
        return _undisturbed[0]


def spoken(end_s: float) -> str:
    """What is said in the sample meeting's first *end_s* seconds, whole turns."""
    said = [each for each in json.loads((SAMPLE / "segments.json").read_text()) if each["start_s"] < end_s]
    return " ".join(str(each["text"]) for each in said)


@contextmanager
def hall(
    folder: Path, processes: tuple[str, ...] = ALL_BUT_FLOWER, environment: dict[str, str] | None = None
) -> Iterator[Hall]:
    """A stack of its own for the length of the block."""
    variables = {**ENVIRONMENT, **(environment or {})}
    with fresh_stack(folder, processes=processes, environment=variables) as stack:
        opened = Hall(stack)
        try:
            yield opened
        finally:
            opened.close()
