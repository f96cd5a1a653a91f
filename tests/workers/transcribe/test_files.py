"""Tracks whose audio comes from a file: many windows in a step, beside live ones and through crashes."""

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
from tests.workers.conftest import sample_meeting
from tests.workers.studio import BACKLOG_LIMIT_SAMPLES, PACE, Audio, Studio
from workers.asr.engine import USUAL, Engine, Fallback
from workers.asr.hypothesis import Hypothesis, Window
from workers.transcribe.file_budget import FileBudget, FilePace, on_cpu
from workers.transcribe.transcriber import Transcriber

pytestmark = pytest.mark.model
FILE_S = 65.0
TICK_SAMPLES = samples_of_s(0.02)
"""The model's times are multiples of this."""


class Crash(BaseException):
    """The worker is gone."""


class Watched(Engine):
    """The real engine; notes how many windows it is given at once, and may be gone after some calls."""

    def __init__(self, engine: Engine, calls: int | None = None) -> None:
        super().__init__(engine.whisper, engine.stride)
        self.batches: list[int] = []
        self.calls = calls

    def transcribe(self, windows: Sequence[Window], fallback: Fallback = USUAL, lanes: int = 1) -> list[Hypothesis]:
        if len(self.batches) == self.calls:
            raise Crash
        self.batches.append(len(windows))
        return super().transcribe(windows, fallback, lanes)


@pytest.fixture(scope="module")
def recording() -> Audio:
    return sample_meeting(0, FILE_S)


def open_file(studio: Studio, meeting_id: str = "f") -> str:
    track_id = f"{meeting_id}-main"
    with studio.database.write() as session:
        session.add(Meeting(id=meeting_id, owner="local"))
        session.flush()
        session.add(Track(id=track_id, meeting_id=meeting_id, name="main", kind=TrackKind.BATCH))
    studio.mailbox.open(
        track_id, committed_sample=0, epoch=0, backlog_limit_samples=BACKLOG_LIMIT_SAMPLES, kind=TrackKind.BATCH
    )
    return track_id


def upload(studio: Studio, recording: Audio, meeting_id: str = "f") -> str:
    """A file that is in its mailbox whole, and closed."""
    track_id = open_file(studio, meeting_id)
    studio.speak(track_id, recording)
    studio.finish(meeting_id)
    return track_id


def worker(studio: Studio, engine: Engine, files: FilePace) -> Transcriber:
    chosen = studio.worker(engine=engine)
    chosen.pace = replace(PACE, files=files)
    chosen.file_budget = FileBudget(files)
    return chosen


def written(studio: Studio, meeting_id: str = "f") -> list[tuple[int, int, str]]:
    with studio.database.read() as session:
        rows = session.scalars(select(Segment).where(Segment.meeting_id == meeting_id).order_by(Segment.first_sample))
        return [(row.first_sample, row.end_sample, row.text) for row in rows]


def assert_same(one: list[tuple[int, int, str]], other: list[tuple[int, int, str]]) -> None:
    """The same words; a time may be the model's next one, where a batch of other windows was rounded differently."""
    assert [text for *_, text in one] == [text for *_, text in other]
    for here, there in zip(one, other, strict=True):
        assert here[:2] == pytest.approx(there[:2], abs=TICK_SAMPLES)


@pytest.fixture
def transcript(studio: Studio, recording: Audio) -> list[tuple[int, int, str]]:
    """What a worker without accidents writes of the recording."""
    upload(studio, recording, "calm")
    studio.work(worker(studio, studio.engine, FilePace(windows=3)))
    return written(studio, "calm")


def test_many_windows_of_a_file_go_into_one_step(studio: Studio, recording: Audio) -> None:
    engine = Watched(studio.engine)
    track_id = upload(studio, recording)
    worker(studio, engine, FilePace(windows=32, lanes=2)).step(0)
    assert engine.batches[0] >= 5
    assert studio.booked(track_id)[-1].end_s == FILE_S
    assert studio.kinds(track_id) <= {"transcribed", "silent"}
    assert studio.state("f") == MeetingState.SUMMARIZING
    assert studio.text("f").replace(",", "").startswith("Good morning everyone. Thanks for joining.")


@pytest.mark.parametrize("calls", [0, 1, 2])
def test_a_worker_that_dies_in_the_middle_changes_nothing(
    studio: Studio, recording: Audio, transcript: list[tuple[int, int, str]], calls: int
) -> None:
    track_id = upload(studio, recording)
    dying = worker(studio, Watched(studio.engine, calls), FilePace(windows=2))
    with pytest.raises(Crash):
        studio.work(dying)
    studio.pass_time(PACE.lease_ms)
    studio.work(worker(studio, studio.engine, FilePace(windows=4)))
    assert_same(written(studio), transcript)
    assert studio.booked(track_id)[-1].end_s == FILE_S


def test_a_file_that_comes_in_pieces_reads_the_same(
    studio: Studio, recording: Audio, transcript: list[tuple[int, int, str]]
) -> None:
    track_id, files = open_file(studio), worker(studio, studio.engine, FilePace(windows=8))
    for first in range(0, len(recording), samples_of_s(11)):
        studio.speak(track_id, recording[first : first + samples_of_s(11)])
        studio.work(files)
    studio.finish("f")
    studio.work(files)
    assert_same(written(studio), transcript)


def test_minutes_of_a_file_are_asked_for_once_at_its_end(studio: Studio, recording: Audio) -> None:
    upload(studio, recording)
    studio.work(worker(studio, studio.engine, FilePace(windows=1)))
    assert [sent for sent in studio.sent if sent[0] == queues.SUMMARIZE] == [(queues.SUMMARIZE, ["f"])]


def test_the_sweep_leaves_a_file_that_is_being_read_without_notes(studio: Studio, recording: Audio) -> None:
    studio.speak(open_file(studio), recording)
    studio.work(worker(studio, studio.engine, FilePace(windows=8)))
    studio.sweeper().run()
    assert queues.SUMMARIZE not in {task for task, _ in studio.sent}


def test_beside_a_live_meeting_a_file_gets_one_window_a_step(studio: Studio, recording: Audio, speech: Audio) -> None:
    engine = Watched(studio.engine)
    files = worker(studio, engine, on_cpu(2))
    upload(studio, recording)
    studio.speak(studio.open_meeting(), speech)
    live = files.mailbox.status("m-main")
    files.step(0)  # the live track alone, though the file waits too
    assert files.mailbox.status("m-main").committed_sample > live.committed_sample
    assert files.mailbox.status("f-main").committed_sample == 0
    files.step(0)
    assert files.mailbox.status("f-main").committed_sample > 0
    assert engine.batches[-1] == 1


def test_files_rest_together_after_a_step_beside_a_live_meeting(
    studio: Studio, recording: Audio, speech: Audio
) -> None:
    upload(studio, recording, "one")
    upload(studio, recording, "other")
    studio.speak(studio.open_meeting(), speech)
    files = worker(studio, studio.engine, replace(on_cpu(1), rest=1e4))
    files.step(0)  # the live track
    files.step(0)
    assert read_of(files, "one") > 0
    resting_ms = files.step(0)
    assert resting_ms is not None
    assert resting_ms > 1000
    assert read_of(files, "other") == 0
    studio.pass_time(resting_ms)
    files.step(0)
    assert read_of(files, "other") > 0


def test_files_do_not_rest_while_nobody_speaks_live(studio: Studio, recording: Audio) -> None:
    upload(studio, recording)
    files = worker(studio, studio.engine, replace(on_cpu(1), windows=1, rest=1e4))
    files.step(0)
    first = read_of(files, "f")
    files.step(0)
    assert read_of(files, "f") > first > 0


def read_of(worker: Transcriber, meeting_id: str) -> int:
    return worker.mailbox.status(f"{meeting_id}-main").committed_sample


def test_a_file_is_read_in_the_end_though_somebody_always_speaks(
    studio: Studio, recording: Audio, speech: Audio
) -> None:
    files = worker(studio, studio.engine, on_cpu(1))
    upload(studio, recording)
    studio.open_meeting()
    studio.pass_time(BATCH_DELAY_MS)
    studio.speak("m-main", speech)
    files.step(0)
    assert files.mailbox.status("f-main").committed_sample > 0


def test_only_the_window_that_no_worker_can_read_is_failed(studio: Studio, recording: Audio) -> None:
    track_id = upload(studio, recording)
    for _ in range(PACE.attempts_limit):
        dying = worker(studio, Watched(studio.engine, calls=0), FilePace(windows=8))
        with pytest.raises(Crash):
            dying.step(0)
        studio.pass_time(PACE.lease_ms + BATCH_DELAY_MS)
    studio.work(worker(studio, studio.engine, FilePace(windows=8)))
    (failed,) = [row for row in studio.booked(track_id) if row.kind == "failed"]
    assert failed.first_s < 1
    assert failed.end_s < 15
    assert studio.booked(track_id)[-1].end_s == FILE_S
    assert len(studio.failures()) == 1


def test_a_file_in_a_language_that_the_model_does_not_know_is_failed_with_the_reason(
    studio: Studio, recording: Audio
) -> None:
    track_id = upload(studio, recording)
    with studio.database.write() as session:
        session.get_one(Meeting, "f").language = "de"
    studio.work(worker(studio, studio.engine, FilePace(windows=8)))
    reasons = {row.reason for row in studio.booked(track_id) if row.kind == "failed"}
    assert reasons == {"This model knows English only, not 'de'. Use language 'en' or a multilingual model."}
    assert studio.kinds(track_id) == {"failed", "silent"}
    assert studio.booked(track_id)[-1].end_s == FILE_S
