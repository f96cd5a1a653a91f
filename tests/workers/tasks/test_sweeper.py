"""The sweep: what a crash left half done is found in SQL and completed, as often as it takes."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from redis import Redis
from sqlalchemy import update

from schema.core import queues
from schema.core.errors import MailboxMissing, WorkerLost
from schema.core.states import MeetingState
from schema.core.tables import now
from schema.meetings.tables import Failure, Meeting, Track
from tests.workers.studio import IDLE_FINISH_S, Audio, Studio
from workers.tasks.failures import book_failure

SUMMARIZE = (queues.SUMMARIZE, ["m"])


def put(studio: Studio, state: MeetingState) -> None:
    """Leave the meeting in *state*, as a crash does right after the first write."""
    with studio.database.write() as session:
        session.execute(update(Meeting).values(state=state))


def grow_older(studio: Studio, seconds: int) -> None:
    """Let *seconds* pass for what the sweep has noted of the meeting."""
    studio.redis.hincrby("mb:idle:m", "since_s", -seconds)


def test_a_finish_that_closed_no_mailbox_is_completed(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    studio.speak(track_id, speech)
    put(studio, MeetingState.DRAINING)
    studio.sweeper().run()
    assert studio.mailbox.status(track_id).closed
    with studio.database.read() as session:
        assert session.get_one(Track, track_id).closed_sample == len(speech)
    studio.work()
    assert studio.state() == MeetingState.SUMMARIZING


def test_the_last_commit_whose_worker_died_before_it_moved_the_meeting_on(studio: Studio, speech: Audio) -> None:
    studio.speak(studio.open_meeting(), speech)
    studio.finish()
    studio.work()
    put(studio, MeetingState.DRAINING)
    studio.sent.clear()
    studio.summaries.begin("m")
    studio.sweeper().run()
    assert studio.state() == MeetingState.SUMMARIZING
    assert studio.sent == [SUMMARIZE]


def test_a_summary_that_nobody_was_told_of_is_asked_for_until_it_is_there(studio: Studio) -> None:
    studio.open_meeting()
    put(studio, MeetingState.SUMMARIZING)
    studio.sweeper().run()
    studio.sweeper().run()
    assert studio.sent == [SUMMARIZE]
    studio.summaries.begin("m")
    studio.sweeper().run()
    assert studio.sent == [SUMMARIZE, SUMMARIZE]
    studio.summaries.begin("m")
    put(studio, MeetingState.FINISHED)
    studio.sweeper().run()
    assert studio.sent == [SUMMARIZE, SUMMARIZE]


def test_text_without_a_note_is_offered_to_the_summariser_once_in_a_while(studio: Studio, speech: Audio) -> None:
    studio.speak(studio.open_meeting(), speech)
    studio.work()
    studio.sent.clear()
    for _ in range(2):
        studio.summaries.begin("m")
        studio.sweeper().run()
    assert studio.sent == [SUMMARIZE]


def test_a_deletion_that_stopped_half_way_is_completed(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    studio.speak(track_id, speech)
    put(studio, MeetingState.DELETED)
    studio.sweeper().run()
    with pytest.raises(MailboxMissing):
        studio.mailbox.status(track_id)
    assert studio.count(Track) == 0
    assert studio.state() == MeetingState.DELETED


def test_a_meeting_that_nobody_feeds_is_finished(studio: Studio, speech: Audio) -> None:
    studio.speak(studio.open_meeting(), speech)
    studio.sweeper().run()
    grow_older(studio, IDLE_FINISH_S)
    studio.sweeper().run()
    assert studio.state() == MeetingState.DRAINING
    studio.work()
    assert studio.state() == MeetingState.SUMMARIZING


def test_new_audio_keeps_a_meeting_alive(studio: Studio, speech: Audio) -> None:
    track_id = studio.open_meeting()
    studio.speak(track_id, speech)
    studio.sweeper().run()
    grow_older(studio, IDLE_FINISH_S)
    studio.speak(track_id, speech)
    studio.sweeper().run()
    assert studio.state() == MeetingState.LIVE
    grow_older(studio, IDLE_FINISH_S - 10)
    studio.sweeper().run()
    assert studio.state() == MeetingState.LIVE


def test_a_summary_that_failed_for_good_is_asked_for_once_in_a_while(studio: Studio) -> None:
    studio.open_meeting()
    put(studio, MeetingState.SUMMARIZING)
    book_failure(studio.database, queues.SUMMARIZE, ["m"], RuntimeError("no"), 6, meeting_id="m")
    for _ in range(2):
        studio.sweeper().run()
        studio.summaries.begin("m")
    assert studio.sent == [SUMMARIZE]
    with studio.database.write() as session:
        session.execute(update(Failure).values(replayed_at=now()))
    studio.sweeper().run()
    assert studio.sent == [SUMMARIZE, SUMMARIZE]


def test_a_summary_that_kills_its_worker_is_not_asked_for_until_somebody_replays_it(studio: Studio) -> None:
    studio.open_meeting()
    put(studio, MeetingState.SUMMARIZING)
    book_failure(studio.database, queues.SUMMARIZE, ["m"], WorkerLost("killed", attempts=3), 3, meeting_id="m")
    studio.sweeper().run()
    assert studio.sent == []
    with studio.database.write() as session:
        session.execute(update(Failure).values(replayed_at=now()))
    studio.sweeper().run()
    assert studio.sent == [SUMMARIZE]


class DiesWhileItNotes(Redis):
    """The connection of a sweep that is gone once it has written one key."""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        if args[0] == "EXPIRE":
            raise SystemExit
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]


def test_a_sweep_that_dies_leaves_no_note_that_lasts_for_ever(studio: Studio) -> None:
    studio.open_meeting()
    sweeper = studio.sweeper()
    with DiesWhileItNotes.from_url(studio.redis_url) as dying, suppress(SystemExit):
        sweeper.stores = replace(studio.stores, redis=dying)
        sweeper.run()
    assert studio.redis.ttl("mb:idle:m") > 0
