"""The sweep finds in SQL what a crash left unfinished, and completes it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import select, update

from schema.core import queues
from schema.core.errors import MailboxMissing, WorkerLost
from schema.core.states import MeetingState
from schema.core.tables import now
from schema.core.units import SAMPLE_RATE_HZ
from schema.meetings.tables import Failure, Meeting, Segment, Track
from tests.workers.worker_rig import IDLE_FINISH_S, WorkerRig
from training.data.audio import Samples
from workers.tasks.failures import book_failure
from workers.tasks.sweeper import RESEND_S

SUMMARIZE = (queues.SUMMARIZE, ["m"])


def set_state(rig: WorkerRig, state: MeetingState) -> None:
    """Leave the meeting in *state*, as a crash does right after the first write."""
    with rig.database.write() as session:
        session.execute(update(Meeting).values(state=state))


def grow_older(rig: WorkerRig, seconds: int) -> None:
    """Let *seconds* pass since the times that the sweep has noted for the meeting."""
    rig.redis.hincrby("mb:idle:m", "since_s", -seconds)


def test_an_interrupted_finish_is_completed(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting()
    rig.append(track_id, speech)
    set_state(rig, MeetingState.DRAINING)
    rig.sweeper().run()
    assert rig.mailbox.status(track_id).closed
    with rig.database.read() as session:
        assert session.get_one(Track, track_id).closed_sample == len(speech)
    rig.run_until_idle()
    assert rig.state() == MeetingState.SUMMARIZING


def test_a_transcribed_meeting_whose_worker_died_is_handed_to_the_summarizer(rig: WorkerRig, speech: Samples) -> None:
    rig.append(rig.open_meeting(), speech)
    rig.finish()
    rig.run_until_idle()
    set_state(rig, MeetingState.DRAINING)
    rig.sent.clear()
    rig.summaries.begin("m")
    rig.sweeper().run()
    assert rig.state() == MeetingState.SUMMARIZING
    assert rig.sent == [SUMMARIZE]


def test_a_last_segment_that_nobody_closed_is_in_the_minutes(rig: WorkerRig, speech: Samples) -> None:
    """The end is known after the last commit, and the worker that would take note of it died."""
    track_id = rig.open_meeting()
    rig.append(track_id, speech[: round(3.9 * SAMPLE_RATE_HZ)])  # in the middle of a sentence
    rig.mailbox.flush(track_id)
    rig.run_until_idle()
    assert not last_segment(rig).closed
    rig.finish()
    rig.sweeper().run()
    assert rig.state() == MeetingState.SUMMARIZING
    rig.summarizer(None).run("m")
    assert rig.state() == MeetingState.FINISHED
    assert last_segment(rig).note_id is not None


def last_segment(rig: WorkerRig) -> Segment:
    with rig.database.read() as session:
        return session.scalars(select(Segment).order_by(Segment.id.desc()).limit(1)).one()


def test_a_summary_is_requested_until_it_is_written(rig: WorkerRig) -> None:
    rig.open_meeting()
    set_state(rig, MeetingState.SUMMARIZING)
    rig.sweeper().run()
    rig.sweeper().run()
    assert rig.sent == [SUMMARIZE]
    rig.summaries.begin("m")
    rig.sweeper().run()
    assert rig.sent == [SUMMARIZE, SUMMARIZE]
    rig.summaries.begin("m")
    set_state(rig, MeetingState.FINISHED)
    rig.sweeper().run()
    assert rig.sent == [SUMMARIZE, SUMMARIZE]


def test_text_without_a_note_makes_a_request_once_per_interval(rig: WorkerRig, speech: Samples) -> None:
    rig.append(rig.open_meeting(), speech)
    rig.run_until_idle()
    rig.sent.clear()
    for _ in range(2):
        rig.summaries.begin("m")
        rig.sweeper().run()
    assert rig.sent == [SUMMARIZE]


def test_an_interrupted_deletion_is_completed(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting()
    rig.append(track_id, speech)
    set_state(rig, MeetingState.DELETED)
    rig.sweeper().run()
    with pytest.raises(MailboxMissing):
        rig.mailbox.status(track_id)
    assert rig.count(Track) == 0
    assert rig.state() == MeetingState.DELETED


def test_an_idle_meeting_is_finished(rig: WorkerRig, speech: Samples) -> None:
    rig.append(rig.open_meeting(), speech)
    rig.sweeper().run()
    grow_older(rig, IDLE_FINISH_S)
    rig.sweeper().run()
    assert rig.state() == MeetingState.DRAINING
    rig.run_until_idle()
    assert rig.state() == MeetingState.SUMMARIZING


def test_lost_audio_of_a_finished_meeting_is_given_up_only_when_none_of_it_comes_again_for_a_while(
    rig: WorkerRig, speech: Samples
) -> None:
    track_id = rig.open_meeting()
    rig.append(track_id, speech)
    rig.finish()
    rig.redis.flushdb()
    for second in range(3):
        rig.sweeper().run()
        grow_older(rig, round(RESEND_S))
        rig.append(track_id, speech[second * SAMPLE_RATE_HZ : (second + 1) * SAMPLE_RATE_HZ])
    rig.sweeper().run()
    assert not rig.mailbox.status(track_id).closed
    grow_older(rig, round(RESEND_S))
    rig.sweeper().run()
    status = rig.mailbox.status(track_id)
    assert (status.closed, status.received_sample) == (True, len(speech))


def test_new_audio_keeps_a_meeting_live(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting()
    rig.append(track_id, speech)
    rig.sweeper().run()
    grow_older(rig, IDLE_FINISH_S)
    rig.append(track_id, speech)
    rig.sweeper().run()
    assert rig.state() == MeetingState.LIVE
    grow_older(rig, IDLE_FINISH_S - 10)
    rig.sweeper().run()
    assert rig.state() == MeetingState.LIVE


def test_a_failed_summary_is_requested_once_per_interval_or_replay(rig: WorkerRig) -> None:
    rig.open_meeting()
    set_state(rig, MeetingState.SUMMARIZING)
    book_failure(rig.database, queues.SUMMARIZE, ["m"], RuntimeError("no"), 6, meeting_id="m")
    for _ in range(2):
        rig.sweeper().run()
        rig.summaries.begin("m")
    assert rig.sent == [SUMMARIZE]
    with rig.database.write() as session:
        session.execute(update(Failure).values(replayed_at=now()))
    rig.sweeper().run()
    assert rig.sent == [SUMMARIZE, SUMMARIZE]


def test_a_summary_that_kills_its_worker_is_requested_only_after_a_replay(rig: WorkerRig) -> None:
    rig.open_meeting()
    set_state(rig, MeetingState.SUMMARIZING)
    book_failure(rig.database, queues.SUMMARIZE, ["m"], WorkerLost("killed", attempts=3), 3, meeting_id="m")
    rig.sweeper().run()
    assert rig.sent == []
    with rig.database.write() as session:
        session.execute(update(Failure).values(replayed_at=now()))
    rig.sweeper().run()
    assert rig.sent == [SUMMARIZE]


class RedisThatDiesBeforeExpire(Redis):
    """The connection of a sweep that dies once it has written one key."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] == "EXPIRE":
            raise SystemExit
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]


def test_a_sweep_that_dies_leaves_no_key_without_expiry(rig: WorkerRig) -> None:
    rig.open_meeting()
    sweeper = rig.sweeper()
    with RedisThatDiesBeforeExpire.from_url(rig.redis_url) as dying, suppress(SystemExit):
        sweeper.stores = replace(rig.stores, redis=dying)
        sweeper.run()
    assert rig.redis.ttl("mb:idle:m") > 0
