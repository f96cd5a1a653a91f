"""Worker, gate, `evaluate` and benchmarks write the same words and minutes: what is measured is what is served."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from redis import Redis
from sqlalchemy import select

from bench import live, policies
from bench.speech import Speech
from bench.summaries.systems import served
from schema.core import migrate
from schema.core.database import Database
from schema.core.states import MeetingState, SummaryKind, TrackKind
from schema.meetings.tables import Meeting, Segment, Summary, Track
from schema.minutes.minutes import MINUTES, Minutes
from tests import models
from tests.models import FOLDER
from tests.workers.worker_rig import BACKLOG_LIMIT_SAMPLES, WorkerRig
from training.data import Dataset, load, read_audio
from training.data.audio import Samples
from training.data.transcript_lines import transcript_segments
from training.evaluation.systems import Cascade, Recogniser, Summariser, minutes_text, segments_of, transcripts
from training.registry.gate import written_minutes
from workers.asr.engine import Engine, load_engine
from workers.transcribe.file import FileAudio, transcribe_file
from workers.transcribe.file_budget import FileBudget, FilePace

pytestmark = pytest.mark.model
DEMO = models.ROOT / "deploy/demo"
PART_S = 40.0
CLIP_S = (60.0, 85.0)
"""Shorter than 30 s, so that it would fit into one window, which would give other words."""
VOCABULARY = ("Priya", "pilot customers")
BEGINNING, END = "Ben will send the offer to the printer by Monday.", "Ben calls the landlord."
TICK_SAMPLES = 320
"""Times of the model are multiples of this."""

TimedText = tuple[int, int, str]


@pytest.fixture(scope="module")
def exact_engine() -> Engine:
    """tiny.en in 32 bits, so that the words of a window do not depend on its batch."""
    return load_engine("package:tiny.en", models.FOLDER, precision="float32")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path / 'm.db'}")
    migrate.upgrade(database)
    yield database
    database.close()


@pytest.fixture
def worker_rig(database: Database, redis_client: Redis, exact_engine: Engine, tmp_path: Path) -> WorkerRig:
    return WorkerRig(database, redis_client, exact_engine, tmp_path / "adapters")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Two recordings: silence with a part of the sample meeting, several windows long, and a clip of one window."""
    folder = tmp_path_factory.mktemp("recordings")
    samples, rate = soundfile.read(DEMO / "meeting.flac", dtype="int16")
    part = np.concatenate([np.zeros(8 * rate, np.int16), samples[: round(PART_S * rate)]])
    soundfile.write(folder / "part.flac", part, rate)
    soundfile.write(folder / "clip.flac", samples[slice(*(round(at * rate) for at in CLIP_S))], rate)
    rows = [{"id": name, "audio": f"{name}.flac", "text": "unknown"} for name in ("part", "clip")]
    (folder / "test.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return load(folder, "test", needs=("audio", "text"))


def read_by_a_worker(
    worker_rig: WorkerRig, name: str, samples: Samples, windows: int = 32, vocabulary: tuple[str, ...] = ()
) -> list[Segment]:
    """The segments that a worker writes for the file, which it gets from the mailbox, *windows* in a step."""
    track_id = f"{name}-main"
    with worker_rig.database.write() as session:
        session.add(Meeting(id=name, owner="local", vocabulary=list(vocabulary)))
        session.flush()
        session.add(Track(id=track_id, meeting_id=name, name="main", kind=TrackKind.BATCH))
    worker_rig.mailbox.open(
        track_id, committed_sample=0, epoch=0, backlog_limit_samples=BACKLOG_LIMIT_SAMPLES, kind=TrackKind.BATCH
    )
    worker_rig.append(track_id, samples)
    worker_rig.finish(name)
    worker = worker_rig.worker()
    worker.file_budget = FileBudget(FilePace(windows=windows))
    worker_rig.run_until_idle(worker)
    assert worker_rig.state(name) == MeetingState.SUMMARIZING
    with worker_rig.database.read() as session:
        rows = select(Segment).where(Segment.meeting_id == name).order_by(Segment.first_sample, Segment.id)
        return list(session.scalars(rows))


def assert_about_equal(found: list[TimedText], wanted: list[TimedText]) -> None:
    """The texts are the same. Times may differ by one tick, since another batch may be rounded differently."""
    assert [text for *_, text in found] == [text for *_, text in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert one[:2] == pytest.approx(other[:2], abs=TICK_SAMPLES)


def test_a_file_gets_the_same_words_from_worker_gate_evaluate_and_benchmarks(
    worker_rig: WorkerRig, exact_engine: Engine, recordings: Dataset
) -> None:
    audio = [read_audio(example) for example in recordings]
    written = [
        read_by_a_worker(worker_rig, example.id, samples) for example, samples in zip(recordings, audio, strict=True)
    ]
    texts = [" ".join(segment.text for segment in segments) for segments in written]
    assert len(texts[0].split()) > 80

    gate = list(transcripts(exact_engine, recordings))
    assert [heard.text for heard in gate] == texts
    recogniser = Recogniser("tiny.en", exact_engine)
    assert [answer.transcript for answer in recogniser.answer(recordings)] == texts
    cascade = Cascade("cascade", recogniser, Summariser("said", None, FOLDER))
    assert [answer.transcript for answer in cascade.answer(recordings)] == texts
    speeches = [Speech(str(at), samples.astype("<i2").tobytes(), "") for at, samples in enumerate(audio)]
    assert live.read_offline(exact_engine, speeches) == texts
    sources = [policies.LabelledRecording(str(at), samples, "") for at, samples in enumerate(audio)]
    assert [track.text.strip() for track in policies.offline(exact_engine, sources)] == texts

    for heard, segments, samples in zip(gate, written, audio, strict=True):
        rows = [(segment.first_sample, segment.end_sample, segment.text) for segment in segments]
        assert_about_equal([(each.first_sample, each.end_sample, each.text) for each in segments_of(heard)], rows)
        words = [(start, end, text) for segment in segments for text, start, end, _ in segment.words]
        assert_about_equal([(word.start_sample, word.end_sample, word.text) for word in heard.words], words)
        assert [span.first_sample for span in heard.spans] == [0, *(span.end_sample for span in heard.spans[:-1])]
        assert heard.spans[-1].end_sample == len(samples)


def test_coverage_does_not_depend_on_the_number_of_windows_per_step(
    worker_rig: WorkerRig, exact_engine: Engine, recordings: Dataset
) -> None:
    samples = read_audio(recordings[0])
    heard = transcribe_file(exact_engine, FileAudio(samples, vocabulary=VOCABULARY))
    segments = read_by_a_worker(worker_rig, "part", samples, 1, VOCABULARY)
    assert " ".join(segment.text for segment in segments) == heard.text
    spans = [(row.first_s * 16_000, row.end_s * 16_000, row.kind) for row in worker_rig.coverage("part-main")]
    joined: list[list[object]] = []
    for span in heard.spans:  # the ledger joins adjacent rows of one kind
        if joined and joined[-1][2] == span.kind:
            joined[-1][1] = span.end_sample
        else:
            joined.append([span.first_sample, span.end_sample, span.kind])
    assert [kind for *_, kind in spans] == [kind for *_, kind in joined]
    for one, other in zip(spans, joined, strict=True):
        assert one[:2] == pytest.approx(other[:2], abs=TICK_SAMPLES)


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The sample meeting as text, several windows long. Its first line introduces Ben, whom its last line names."""
    listed = json.loads((DEMO / "segments.json").read_text())
    turns = listed["segments"] if isinstance(listed, dict) else listed
    lines = [f"{turn['speaker']}: {turn['text']}" for turn in turns]
    text = "\n".join([f"Maya: {BEGINNING}", *lines, f"Maya: To sum up: {END}"])
    path = tmp_path_factory.mktemp("told") / "test.jsonl"
    path.write_text(json.dumps({"id": "told", "text": text, "summary": "unknown"}))
    return load(path, needs=("text", "summary"))


def written_by_a_worker(worker_rig: WorkerRig, text: str) -> Minutes:
    """The final minutes in the database of a meeting whose segments are the lines of *text*."""
    segments = transcript_segments(text)
    with worker_rig.database.write() as session:
        session.add(Meeting(id="told", owner="local", state=MeetingState.SUMMARIZING, seq=len(segments)))
        session.flush()
        session.add(Track(id="told-main", meeting_id="told", name="main", kind=TrackKind.BATCH))
        session.flush()
        session.add_all(
            Segment(
                meeting_id="told",
                track_id="told-main",
                seq=said.id + 1,
                first_sample=said.first_sample,
                end_sample=said.end_sample,
                speaker=said.speaker,
                text=said.text,
                words=[],
                closed=True,
                model="tiny.en",
            )
            for said in segments
        )
    worker_rig.summarizer(models.gemma()).run("told")
    assert worker_rig.state("told") == MeetingState.FINISHED
    with worker_rig.database.read() as session:
        (final,) = session.scalars(select(Summary).where(Summary.kind == SummaryKind.FINAL))
        return MINUTES.validate_python(final.body)


def test_the_same_segments_get_the_same_minutes_from_worker_gate_evaluate_and_benchmark(
    worker_rig: WorkerRig, told: Dataset
) -> None:
    example = told[0]
    text = example.text or ""
    worker = written_by_a_worker(worker_rig, text)
    assert worker.decisions
    assert (END, "Ben") in [(action.text, action.owner) for action in worker.actions]
    assert len(worker.chapters) > 1

    gemma = models.gemma()
    assert written_minutes(gemma, example, FOLDER) == minutes_text(worker)
    (answer,) = Summariser("gemma", gemma, FOLDER).answer([example])
    assert answer.summary == minutes_text(worker)
    minutes = served(lambda: gemma)()(transcript_segments(text), language="en")
    assert [chapter.title for chapter in minutes.chapters] == [chapter.title for chapter in worker.chapters]
    for one, other in ((minutes.decisions, worker.decisions), (minutes.actions, worker.actions)):
        assert [item.text for item in one] == [item.text for item in other]
        # Ids of rows start at 1, those of lines at 0.
        assert [item.evidence for item in one] == [tuple(key - 1 for key in item.evidence) for item in other]
    assert minutes_text(minutes) == minutes_text(worker)
