"""Transcription of files: many windows in a step, beside live tracks, and after crashes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from sqlalchemy import select

from schema.core import queues
from schema.core.states import MeetingState, TrackKind
from schema.core.units import samples_of_s
from schema.mailbox.limits import BATCH_DELAY_MS
from schema.meetings.tables import Meeting, Segment, Track
from tests.crash import SimulatedCrash
from tests.workers.conftest import sample_meeting
from tests.workers.worker_rig import BACKLOG_LIMIT_SAMPLES, PACE, WorkerRig
from training.data.audio import Samples
from workers.asr.engine import USUAL, Engine, Fallback
from workers.asr.hypothesis import Hypothesis, Window
from workers.transcribe.file_budget import FileBudget, FilePace, on_cpu
from workers.transcribe.transcriber import Transcriber

pytestmark = pytest.mark.model
FILE_S = 65.0
TICK_SAMPLES = samples_of_s(0.02)
"""Times of the model are multiples of this."""


class CountingEngine(Engine):
    """The real engine. It notes the size of each batch, and its worker dies after *calls* calls."""

    def __init__(self, engine: Engine, calls: int | None = None) -> None:
        super().__init__(engine.whisper, engine.stride)
        self.batches: list[int] = []
        self.calls = calls

    def transcribe(self, windows: Sequence[Window], fallback: Fallback = USUAL, lanes: int = 1) -> list[Hypothesis]:
        if len(self.batches) == self.calls:
            raise SimulatedCrash
        self.batches.append(len(windows))
        return super().transcribe(windows, fallback, lanes)


@pytest.fixture(scope="module")
def recording() -> Samples:
    return sample_meeting(0, FILE_S)


def open_file(rig: WorkerRig, meeting_id: str = "f") -> str:
    track_id = f"{meeting_id}-main"
    with rig.database.write() as session:
        session.add(Meeting(id=meeting_id, owner="local"))
        session.flush()
        session.add(Track(id=track_id, meeting_id=meeting_id, name="main", kind=TrackKind.BATCH))
    rig.mailbox.open(
        track_id, committed_sample=0, epoch=0, backlog_limit_samples=BACKLOG_LIMIT_SAMPLES, kind=TrackKind.BATCH
    )
    return track_id


def upload(rig: WorkerRig, recording: Samples, meeting_id: str = "f") -> str:
    """Put a whole file into its mailbox and close it. Returns the id of the track."""
    track_id = open_file(rig, meeting_id)
    rig.append(track_id, recording)
    rig.finish(meeting_id)
    return track_id


def worker(rig: WorkerRig, engine: Engine, files: FilePace) -> Transcriber:
    chosen = rig.worker(engine=engine)
    chosen.pace = replace(PACE, files=files)
    chosen.file_budget = FileBudget(files)
    return chosen


def segments_of(rig: WorkerRig, meeting_id: str = "f") -> list[tuple[int, int, str]]:
    with rig.database.read() as session:
        rows = session.scalars(select(Segment).where(Segment.meeting_id == meeting_id).order_by(Segment.first_sample))
        return [(row.first_sample, row.end_sample, row.text) for row in rows]


def assert_same(one: list[tuple[int, int, str]], other: list[tuple[int, int, str]]) -> None:
    """The words are the same. Times may differ by one tick, since another batch may be rounded differently."""
    assert [text for *_, text in one] == [text for *_, text in other]
    for here, there in zip(one, other, strict=True):
        assert here[:2] == pytest.approx(there[:2], abs=TICK_SAMPLES)


@pytest.fixture
def transcript(rig: WorkerRig, recording: Samples) -> list[tuple[int, int, str]]:
    """The segments that an undisturbed worker writes for the recording."""
    upload(rig, recording, "calm")
    rig.run_until_idle(worker(rig, rig.engine, FilePace(windows=3)))
    return segments_of(rig, "calm")


def test_one_step_transcribes_many_windows_of_a_file(rig: WorkerRig, recording: Samples) -> None:
    engine = CountingEngine(rig.engine)
    track_id = upload(rig, recording)
    chosen = worker(rig, engine, FilePace(windows=32, lanes=2))
    chosen.file_budget.note_step(windows=1, worked_s=0.01)
    chosen.step(0)
    assert engine.batches[0] >= 5
    assert rig.coverage(track_id)[-1].end_s == FILE_S
    assert rig.coverage_kinds(track_id) <= {"transcribed", "silent"}
    assert rig.state("f") == MeetingState.SUMMARIZING
    assert rig.text("f").replace(",", "").startswith("Good morning everyone. Thanks for joining.")


def test_the_first_step_of_files_is_short_because_nobody_knows_how_long_a_window_takes(
    rig: WorkerRig, recording: Samples
) -> None:
    engine = CountingEngine(rig.engine)
    upload(rig, recording)
    worker(rig, engine, FilePace(windows=32, lanes=2)).step(0)
    assert engine.batches[0] == 4


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_file_whose_worker_died_gets_the_same_transcript(
    rig: WorkerRig, recording: Samples, transcript: list[tuple[int, int, str]], calls: int
) -> None:
    track_id = upload(rig, recording)
    dying = worker(rig, CountingEngine(rig.engine, calls), FilePace(windows=2))
    with pytest.raises(SimulatedCrash):
        rig.run_until_idle(dying)
    rig.pass_time(PACE.lease_ms)
    rig.run_until_idle(worker(rig, rig.engine, FilePace(windows=4)))
    assert_same(segments_of(rig), transcript)
    assert rig.coverage(track_id)[-1].end_s == FILE_S


def test_a_file_received_in_pieces_gets_the_same_transcript(
    rig: WorkerRig, recording: Samples, transcript: list[tuple[int, int, str]]
) -> None:
    track_id, files = open_file(rig), worker(rig, rig.engine, FilePace(windows=8))
    for first in range(0, len(recording), samples_of_s(11)):
        rig.append(track_id, recording[first : first + samples_of_s(11)])
        rig.run_until_idle(files)
    rig.finish("f")
    rig.run_until_idle(files)
    assert_same(segments_of(rig), transcript)


def test_a_summary_of_a_file_is_requested_once_at_its_end(rig: WorkerRig, recording: Samples) -> None:
    upload(rig, recording)
    rig.run_until_idle(worker(rig, rig.engine, FilePace(windows=1)))
    assert [sent for sent in rig.sent if sent[0] == queues.SUMMARIZE] == [(queues.SUMMARIZE, ["f"])]


def test_the_sweep_requests_no_summary_for_a_file_in_progress(rig: WorkerRig, recording: Samples) -> None:
    rig.append(open_file(rig), recording)
    rig.run_until_idle(worker(rig, rig.engine, FilePace(windows=8)))
    rig.sweeper().run()
    assert queues.SUMMARIZE not in {task for task, _ in rig.sent}


def test_beside_a_live_meeting_a_file_gets_one_window_per_step(
    rig: WorkerRig, recording: Samples, speech: Samples
) -> None:
    engine = CountingEngine(rig.engine)
    files = worker(rig, engine, on_cpu(2))
    upload(rig, recording)
    rig.append(rig.open_meeting(), speech)
    live = files.mailbox.status("m-main")
    files.step(0)  # the live track alone, while the file waits
    assert files.mailbox.status("m-main").committed_sample > live.committed_sample
    assert files.mailbox.status("f-main").committed_sample == 0
    files.step(0)
    assert files.mailbox.status("f-main").committed_sample > 0
    assert engine.batches[-1] == 1


def test_files_pause_together_after_a_step_beside_a_live_meeting(
    rig: WorkerRig, recording: Samples, speech: Samples
) -> None:
    upload(rig, recording, "one")
    upload(rig, recording, "other")
    rig.append(rig.open_meeting(), speech)
    files = worker(rig, rig.engine, replace(on_cpu(1), rest=1e4))
    files.step(0)  # the live track
    files.step(0)
    assert committed_sample(files, "one") > 0
    resting_ms = files.step(0)
    assert resting_ms is not None
    assert resting_ms > 1000
    assert committed_sample(files, "other") == 0
    rig.pass_time(resting_ms)
    files.step(0)
    assert committed_sample(files, "other") > 0


def test_files_do_not_pause_without_a_live_meeting(rig: WorkerRig, recording: Samples) -> None:
    upload(rig, recording)
    files = worker(rig, rig.engine, replace(on_cpu(1), windows=1, rest=1e4))
    files.step(0)
    first = committed_sample(files, "f")
    files.step(0)
    assert committed_sample(files, "f") > first > 0


def committed_sample(worker: Transcriber, meeting_id: str) -> int:
    return worker.mailbox.status(f"{meeting_id}-main").committed_sample


def test_an_overdue_file_is_transcribed_beside_a_live_meeting(
    rig: WorkerRig, recording: Samples, speech: Samples
) -> None:
    files = worker(rig, rig.engine, on_cpu(1))
    upload(rig, recording)
    rig.open_meeting()
    rig.pass_time(BATCH_DELAY_MS)
    rig.append("m-main", speech)
    files.step(0)
    assert files.mailbox.status("f-main").committed_sample > 0


def test_only_the_window_that_kills_its_workers_is_booked_as_failed(rig: WorkerRig, recording: Samples) -> None:
    track_id = upload(rig, recording)
    for _ in range(PACE.attempts_limit):
        dying = worker(rig, CountingEngine(rig.engine, calls=0), FilePace(windows=8))
        with pytest.raises(SimulatedCrash):
            dying.step(0)
        rig.pass_time(PACE.lease_ms + BATCH_DELAY_MS)
    rig.run_until_idle(worker(rig, rig.engine, FilePace(windows=8)))
    (failed,) = [row for row in rig.coverage(track_id) if row.kind == "failed"]
    assert failed.first_s < 1
    assert failed.end_s < 15
    assert rig.coverage(track_id)[-1].end_s == FILE_S
    assert len(rig.failures()) == 1


def test_a_file_in_an_unsupported_language_is_booked_as_failed_with_the_reason(
    rig: WorkerRig, recording: Samples
) -> None:
    track_id = upload(rig, recording)
    with rig.database.write() as session:
        session.get_one(Meeting, "f").language = "de"
    rig.run_until_idle(worker(rig, rig.engine, FilePace(windows=8)))
    reasons = {row.reason for row in rig.coverage(track_id) if row.kind == "failed"}
    assert reasons == {"This model knows English only, not 'de'. Use language 'en' or a multilingual model."}
    assert rig.coverage_kinds(track_id) == {"failed", "silent"}
    assert rig.coverage(track_id)[-1].end_s == FILE_S
