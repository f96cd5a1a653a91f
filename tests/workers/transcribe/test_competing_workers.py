"""Several workers at one track: only one of them writes, whichever is slow, dies or is late."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from schema.core.units import samples_of_s
from schema.mailbox import Mailbox
from schema.meetings.lifecycle import delete_meeting
from schema.meetings.tables import Coverage, Segment, Track
from tests.crash import SimulatedCrash
from tests.workers.sample_transcript import assert_all_transcribed
from tests.workers.worker_rig import PACE, WorkerRig
from training.data.audio import Samples
from workers.asr.engine import USUAL, Engine, Fallback
from workers.asr.hypothesis import Hypothesis, Window

DAY_MS = 86_400_000


class InterruptedEngine(Engine):
    """The real engine. It calls *meanwhile* before it decodes for the first time."""

    def __init__(self, engine: Engine, meanwhile: Callable[[], None]) -> None:
        super().__init__(engine.whisper, engine.stride)
        self.meanwhile: Callable[[], None] | None = meanwhile

    def transcribe(self, windows: Sequence[Window], fallback: Fallback = USUAL, lanes: int = 1) -> list[Hypothesis]:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().transcribe(windows, fallback, lanes)


class MailboxThatCrashesBeforeRelease(Mailbox):
    """The mailbox of a worker that dies between its commit and its release."""

    def release(self, *_args: object, **_kwargs: object) -> bool:
        raise SimulatedCrash


def test_the_result_of_a_worker_that_lost_its_track_is_dropped(rig: WorkerRig, speech: Samples) -> None:
    rig.append(rig.open_meeting(), speech)
    rig.finish()

    def overtake() -> None:
        rig.pass_time(PACE.lease_ms)
        rig.run_until_idle(rig.worker("second"))

    rig.worker("first", engine=InterruptedEngine(rig.engine, overtake)).step(0)
    assert_all_transcribed(rig)
    assert rig.mailbox.status("m-main").worker == "second"


def test_after_a_crash_between_commit_and_release_another_worker_continues_from_sql(
    rig: WorkerRig, speech: Samples
) -> None:
    track_id = rig.open_meeting()
    rig.append(track_id, speech[: samples_of_s(9)])
    with pytest.raises(SimulatedCrash):
        rig.worker(mailbox=MailboxThatCrashesBeforeRelease(rig.redis)).step(0)
    assert rig.mailbox.status(track_id).committed_sample == 0
    assert rig.coverage()
    rig.append(track_id, speech[samples_of_s(9) :])
    rig.finish()
    rig.pass_time(PACE.lease_ms)
    rig.run_until_idle(rig.worker("second"))
    assert_all_transcribed(rig)


def test_a_meeting_deleted_while_it_is_decoded_leaves_nothing(rig: WorkerRig, speech: Samples) -> None:
    rig.append(rig.open_meeting(), speech)

    def delete() -> None:
        delete_meeting(rig.stores, "m")

    rig.run_until_idle(rig.worker(engine=InterruptedEngine(rig.engine, delete)))
    assert [rig.count(table) for table in (Segment, Coverage, Track)] == [0, 0, 0]


def test_a_commit_from_before_a_loss_of_redis_does_not_block_later_workers(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting()
    rig.pass_time(DAY_MS)  # the clock is wrong before the loss and right after it
    rig.append(track_id, speech[: samples_of_s(9)])

    def lose() -> None:
        rig.redis.flushdb()
        rig.open_mailbox(track_id)
        rig.append(track_id, speech)

    rig.worker("first", engine=InterruptedEngine(rig.engine, lose)).step(0)
    before = rig.coverage()[-1]
    rig.worker("second").step(0)
    assert rig.coverage()[-1].end_s > before.end_s > 0
    rig.finish()
    rig.run_until_idle(rig.worker("second"))
    assert_all_transcribed(rig)


def test_two_workers_taking_turns_write_one_complete_transcript(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting()
    workers = [rig.worker("first"), rig.worker("second")]
    for number, first in enumerate(range(0, len(speech), samples_of_s(3))):
        rig.append(track_id, speech[first : first + samples_of_s(3)])
        workers[number % 2].step(0)
    rig.finish()
    rig.run_until_idle(workers[1])
    assert_all_transcribed(rig)


def test_a_worker_whose_commit_is_refused_releases_the_track(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting()
    rig.append(track_id, speech)

    def commit_of_another() -> None:
        with rig.database.write() as session:
            session.get_one(Track, track_id).committed_sample = 1600
            session.add(Coverage(track_id=track_id, first_sample=0, end_sample=1600, kind="silent"))

    rig.worker(engine=InterruptedEngine(rig.engine, commit_of_another)).step(0)
    status = rig.mailbox.status(track_id)
    assert (status.lease_ms, status.attempts) == (None, 0)
    rig.finish()
    rig.run_until_idle()
    assert_all_transcribed(rig)
