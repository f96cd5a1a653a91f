"""Workers that meet at one track: one of them writes, whoever is slow, dies or comes too late."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from schema.core.units import samples_of_s
from schema.mailbox import Mailbox
from schema.meetings.lifecycle import delete_meeting
from schema.meetings.tables import Coverage, Segment, Track
from tests.workers.spoken import assert_all_there
from tests.workers.studio import PACE, Audio, Studio
from workers.asr.engine import USUAL, Engine, Fallback
from workers.asr.hypothesis import Hypothesis, Window

DAY_MS = 86_400_000


class Crash(BaseException):
    """The worker is gone: nothing of it runs any more, not even an `except Exception`."""


class Interrupted(Engine):
    """The real engine; something happens elsewhere while it decodes for the first time."""

    def __init__(self, engine: Engine, meanwhile: Callable[[], None]) -> None:
        super().__init__(engine.whisper, engine.stride)
        self.meanwhile: Callable[[], None] | None = meanwhile

    def transcribe(self, windows: Sequence[Window], fallback: Fallback = USUAL, lanes: int = 1) -> list[Hypothesis]:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().transcribe(windows, fallback, lanes)


class CrashesBeforeRelease(Mailbox):
    """The mailbox of a worker that dies between its commit and its release."""

    def release(self, *_args: object, **_kwargs: object) -> bool:
        raise Crash


def test_the_step_of_a_worker_that_was_overtaken_is_dropped(studio: Studio, speech: Audio) -> None:
    studio.speak(studio.open_meeting(), speech)
    studio.finish()

    def overtaken() -> None:
        studio.pass_time(PACE.lease_ms)
        studio.work(studio.worker("second"))

    studio.worker("first", engine=Interrupted(studio.engine, overtaken)).step(0)
    assert_all_there(studio)
    assert studio.mailbox.status("m-main").worker == "second"


def test_a_worker_that_dies_between_commit_and_release_is_replaced_from_sql(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    studio.speak(track_id, speech[: samples_of_s(9)])
    with pytest.raises(Crash):
        studio.worker(mailbox=CrashesBeforeRelease(studio.redis)).step(0)
    assert studio.mailbox.status(track_id).committed_sample == 0
    assert studio.booked()
    studio.speak(track_id, speech[samples_of_s(9) :])
    studio.finish()
    studio.pass_time(PACE.lease_ms)
    studio.work(studio.worker("second"))
    assert_all_there(studio)


def test_a_meeting_deleted_while_it_is_decoded_leaves_nothing_behind(studio: Studio, speech: Audio) -> None:
    studio.speak(studio.open_meeting(), speech)

    def deleted() -> None:
        delete_meeting(studio.stores, "m")

    studio.work(studio.worker(engine=Interrupted(studio.engine, deleted)))
    assert [studio.count(table) for table in (Segment, Coverage, Track)] == [0, 0, 0]


def test_a_commit_from_before_redis_lost_everything_locks_nobody_out(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    studio.pass_time(DAY_MS)  # the clock is wrong, and right after the loss
    studio.speak(track_id, speech[: samples_of_s(9)])

    def lost() -> None:
        studio.redis.flushdb()
        studio.open_mailbox(track_id)
        studio.speak(track_id, speech)

    studio.worker("first", engine=Interrupted(studio.engine, lost)).step(0)
    before = studio.booked()[-1]
    studio.worker("second").step(0)
    assert studio.booked()[-1].end_s > before.end_s > 0
    studio.finish()
    studio.work(studio.worker("second"))
    assert_all_there(studio)


def test_two_workers_that_take_turns_write_one_transcript(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    workers = [studio.worker("first"), studio.worker("second")]
    for number, first in enumerate(range(0, len(speech), samples_of_s(3))):
        studio.speak(track_id, speech[first : first + samples_of_s(3)])
        workers[number % 2].step(0)
    studio.finish()
    studio.work(workers[1])
    assert_all_there(studio)


def test_a_worker_whose_commit_is_refused_gives_the_track_back(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    studio.speak(track_id, speech)

    def commit_of_another() -> None:
        with studio.database.write() as session:
            session.get_one(Track, track_id).committed_sample = 1600
            session.add(Coverage(track_id=track_id, first_sample=0, end_sample=1600, kind="silent"))

    studio.worker(engine=Interrupted(studio.engine, commit_of_another)).step(0)
    status = studio.mailbox.status(track_id)
    assert (status.lease_ms, status.attempts) == (None, 0)
    studio.finish()
    studio.work()
    assert_all_there(studio)
