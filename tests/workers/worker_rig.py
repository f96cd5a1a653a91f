"""Workers on real servers and weights, without an API. They step, and time passes, when a test says so."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from redis import Redis
from sqlalchemy import func, select

from schema.core.database import Database
from schema.core.states import AdapterTask, MeetingState, TrackKind
from schema.core.units import SAMPLE_RATE_HZ, samples_of_s
from schema.mailbox import Keys, Mailbox
from schema.meetings.lifecycle import Finished, finish_meeting
from schema.meetings.tables import Coverage, Failure, Meeting, Segment, Track
from schema.stores import Stores
from tests.models import FOLDER
from training.data.audio import Samples
from workers.asr.engine import Engine
from workers.asr.streaming.policy import align_att
from workers.kept_audio.keeper import AudioKeeper
from workers.models.adapters import AdapterStore, ShippedAdapter
from workers.summarize.chat.model import ChatModel
from workers.summarize.summarizer import Summarizer
from workers.summarize.writing.model import TextModel
from workers.tasks.summary_requests import SummaryRequests
from workers.tasks.sweeper import RESEND_S, Sweeper
from workers.transcribe.transcriber import Pace, Transcriber

PACE = Pace(batch=8, step_interval_ms=0, lease_ms=20_000, attempts_limit=3)
BACKLOG_LIMIT_SAMPLES = samples_of_s(120)
IDLE_FINISH_S = 100
DEATHS_LIMIT = 3


@dataclass(frozen=True, order=True)
class CoverageRow:
    """A row of coverage, in seconds."""

    first_s: float
    end_s: float
    kind: str
    reason: str | None = None


class WorkerRig:
    """Makes workers on one database, Redis and adapter store, and the meetings that they work on."""

    def __init__(self, database: Database, redis: Redis, engine: Engine, store: Path) -> None:
        self.database = database
        self.redis = redis
        self.engine = engine
        self.store = store
        self.mailbox = Mailbox(redis)
        self.stores = Stores(database, redis, self.mailbox, str(store.with_name("files")))
        self.sent: list[tuple[str, list[str]]] = []
        self.summaries = SummaryRequests(redis, self.send)

    def worker(
        self,
        name: str = "first",
        *,
        engine: Engine | None = None,
        mailbox: Mailbox | None = None,
        database: Database | None = None,
    ) -> Transcriber:
        stores = replace(self.stores, database=database or self.database, mailbox=mailbox or self.mailbox)
        return Transcriber(
            name=name,
            model="tiny.en",
            engine=engine or self.engine,
            policy=align_att,
            stores=stores,
            adapters=AdapterStore(stores.database, self.store, AdapterTask.ASR),
            send=self.send,
            summaries=self.summaries,
            pace=PACE,
            audio_keeper=AudioKeeper(stores, 0),
        )

    def summarizer(
        self,
        model: TextModel | None,
        name: str = "first",
        shipped: ShippedAdapter | None = None,
        chat: ChatModel | None = None,
        load_model: Callable[[], TextModel] | None = None,
    ) -> Summarizer:
        return Summarizer(
            name=name,
            model=model,
            model_name="gemma",
            stores=self.stores,
            adapters=AdapterStore(self.database, self.store, AdapterTask.SUMMARY),
            shipped=shipped,
            rolling_words=60,
            crash_limit=DEATHS_LIMIT,
            model_dir=FOLDER,
            chat=chat,
            load_model=load_model,
        )

    def sweeper(self) -> Sweeper:
        return Sweeper(
            stores=self.stores,
            summaries=self.summaries,
            idle_finish_s=IDLE_FINISH_S,
            backlog_limit_samples=BACKLOG_LIMIT_SAMPLES,
        )

    @property
    def redis_url(self) -> str:
        """The URL of the Redis database, for further connections."""
        options = self.redis.connection_pool.connection_kwargs
        return f"redis://127.0.0.1:{options['port']}/{options['db']}"

    def send(self, task: str, arguments: list[str]) -> bool:
        self.sent.append((task, arguments))
        return True

    def open_meeting(
        self,
        meeting_id: str = "m",
        *tracks: str,
        vocabulary: tuple[str, ...] = (),
        language: str = "en",
        speakers: str | None = None,
        kind: TrackKind = TrackKind.LIVE,
        keeps_audio: bool = False,
    ) -> str:
        """Open a live meeting and return the id of its first track, `MEETING-TRACK`.

        With *speakers* the speakers on its tracks are told apart, else each track is one speaker.
        """
        names = tracks or ("main",)
        with self.database.write() as session:
            session.add(
                Meeting(
                    id=meeting_id,
                    owner="local",
                    vocabulary=list(vocabulary),
                    language=language,
                    speakers=speakers,
                    keeps_audio=keeps_audio,
                )
            )
            session.flush()
            session.add_all(
                Track(
                    id=f"{meeting_id}-{name}",
                    meeting_id=meeting_id,
                    name=name,
                    speaker=None if speakers else name,
                    heard_sample=0 if speakers else None,
                    kind=kind,
                )
                for name in names
            )
        for name in names:
            self.open_mailbox(f"{meeting_id}-{name}")
        return f"{meeting_id}-{names[0]}"

    def open_mailbox(self, track_id: str) -> int:
        """Open the mailbox from the state in SQL, as the API does. Returns where the producer continues."""
        with self.database.read() as session:
            track = session.get_one(Track, track_id)
        status = self.mailbox.open(
            track_id,
            committed_sample=track.committed_sample,
            epoch=track.epoch,
            backlog_limit_samples=BACKLOG_LIMIT_SAMPLES,
            kind=TrackKind(track.kind),
            heard=track.heard,
        )
        return status.received_sample

    def append(self, track_id: str, audio: Samples, first_sample: int | None = None) -> None:
        """Append *audio* in pieces of a second, after the received audio or at *first_sample*."""
        first = self.mailbox.status(track_id).received_sample if first_sample is None else first_sample
        for at in range(0, len(audio), SAMPLE_RATE_HZ):
            self.mailbox.append(track_id, first + at, audio[at : at + SAMPLE_RATE_HZ].astype("<i2").tobytes())

    def finish(self, meeting_id: str = "m") -> Finished:
        return finish_meeting(self.stores, meeting_id, BACKLOG_LIMIT_SAMPLES)

    def give_up_lost_audio(self, meeting_id: str = "m") -> None:
        """Sweep as if nobody had sent the audio again that Redis lost after the end of the meeting."""
        self.sweeper().run()
        self.redis.hincrby(f"mb:idle:{meeting_id}", "since_s", -round(RESEND_S))
        self.sweeper().run()

    def run_until_idle(self, worker: Transcriber | None = None) -> None:
        """Step until no track waits, moving the clock on as needed."""
        worker = worker or self.worker()
        while (due_in_ms := worker.step(0)) is not None:
            self.pass_time(due_in_ms)

    def pass_time(self, ms: int) -> None:
        """Move the clock of the mailbox on."""
        self.redis.hincrby(Keys(0).of_shard[0], "offset", ms)

    def text(self, meeting_id: str = "m") -> str:
        with self.database.read() as session:
            chosen = select(Segment.text).where(Segment.meeting_id == meeting_id).order_by(Segment.first_sample)
            return " ".join(session.scalars(chosen))

    def coverage(self, track_id: str = "m-main") -> list[CoverageRow]:
        """The coverage of a track, which must tile [0, committed)."""
        with self.database.read() as session:
            committed = session.get_one(Track, track_id).committed_sample
            rows = session.scalars(
                select(Coverage).where(Coverage.track_id == track_id).order_by(Coverage.first_sample)
            ).all()
        edges = [0, *(row.end_sample for row in rows)]
        assert [row.first_sample for row in rows] == edges[:-1]
        assert edges[-1] == committed
        return [
            CoverageRow(row.first_sample / SAMPLE_RATE_HZ, row.end_sample / SAMPLE_RATE_HZ, row.kind, row.reason)
            for row in rows
        ]

    def coverage_kinds(self, track_id: str = "m-main") -> set[str]:
        return {row.kind for row in self.coverage(track_id)}

    def state(self, meeting_id: str = "m") -> MeetingState:
        with self.database.read() as session:
            return MeetingState(session.get_one(Meeting, meeting_id).state)

    def failures(self) -> list[Failure]:
        with self.database.read() as session:
            return list(session.scalars(select(Failure).order_by(Failure.id)))

    def count(self, table: type[Segment | Coverage | Track | Failure]) -> int:
        with self.database.read() as session:
            return session.scalar(select(func.count()).select_from(table)) or 0
