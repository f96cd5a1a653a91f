"""What becomes of uploads by themselves: finished with their meeting, expired, and their files kept or not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import update

from schema.core.events import Event, channel
from schema.core.states import MeetingState, UploadState
from schema.core.tables import now
from schema.meetings.lifecycle import finish_meeting
from schema.uploads.lifecycle import add_upload
from schema.uploads.tables import Upload
from schema.uploads.wire import NewUpload
from tests.workers.ingest.desk import Desk
from tests.workers.ingest.files import encoded, tone
from workers.tasks.summary_requests import SummaryRequests
from workers.tasks.sweeper import Sweeper


@contextmanager
def hints(desk: Desk, meeting_id: str) -> Iterator[list[Event]]:
    """What is published of a meeting during the block."""
    heard: list[Event] = []
    with desk.redis.pubsub() as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(channel(meeting_id))
        pubsub.get_message(timeout=5)
        yield heard
        while message := pubsub.get_message(timeout=0.2):
            heard.append(Event.decode(message["data"]))


def decoded(desk: Desk, seconds: float = 3) -> str:
    upload_id = desk.store(encoded(tone(seconds)))
    desk.work()
    return upload_id


def make_older(desk: Desk, upload_id: str, **values: object) -> None:
    with desk.database.write() as session:
        session.execute(update(Upload).where(Upload.id == upload_id).values(values))


def test_an_upload_is_finished_when_its_meeting_is(desk: Desk) -> None:
    upload_id = decoded(desk)
    upload_sweeper = desk.upload_sweeper()
    for _ in range(2):
        upload_sweeper.run()
    assert desk.state(upload_id) == UploadState.TRANSCRIBING
    desk.set_meeting(upload_id, MeetingState.FINISHED)
    for _ in range(2):
        upload_sweeper.run()
    assert desk.state(upload_id) == UploadState.FINISHED
    assert desk.upload(upload_id).finished_at is not None
    assert desk.left_on_disk() == [upload_id]


def test_a_worker_that_died_before_it_finished_the_meeting_is_made_up_for(desk: Desk) -> None:
    upload_id = decoded(desk)
    desk.set_meeting(upload_id, MeetingState.LIVE)
    desk.upload_sweeper().run()
    assert desk.meeting_state(upload_id) == MeetingState.DRAINING


def test_whoever_follows_the_meeting_hears_how_far_it_is(desk: Desk) -> None:
    upload_id = decoded(desk)
    upload_sweeper = desk.upload_sweeper()
    with hints(desk, desk.upload(upload_id).meeting_id) as heard:
        upload_sweeper.run()
        upload_sweeper.run()
    (event,) = [event for event in heard if event.type == "upload"]
    assert event.seq is None
    assert (event.data["state"], event.data["percent"], event.data["duration_s"]) == ("transcribing", 0.0, 3.0)


def test_somebody_who_finishes_the_meeting_early_gets_what_was_decoded(desk: Desk) -> None:
    desk.bounds = type(desk.bounds)(16_000 * 25, desk.bounds.limit_samples, 2 << 30, 60)
    upload_id = desk.store(encoded(tone(60)))
    worker = desk.ingester()
    desk.work(worker)
    finish_meeting(desk.stores, desk.upload(upload_id).meeting_id, 16_000 * 25)
    desk.upload_sweeper().run()
    upload = desk.upload(upload_id)
    assert (upload.state, upload.duration_samples) == (UploadState.TRANSCRIBING, 16_000 * 20)
    assert not worker.turn()
    assert worker.works == {}


def test_an_upload_whose_rest_does_not_come_is_given_up(desk: Desk) -> None:
    with desk.database.write() as session:
        upload = add_upload(session, owner="a", name="a", new=NewUpload(), size_bytes=100, expires_s=60, open_limit=10)
    tracks = desk.tracks(upload.id)
    desk.files.append(upload.id, 0, b"half")
    desk.upload_sweeper().run()
    assert desk.state(upload.id) == UploadState.RECEIVING
    make_older(desk, upload.id, expires_at=now() - timedelta(seconds=1))
    desk.upload_sweeper().run()
    assert (desk.state(upload.id), desk.upload(upload.id).reason) == (UploadState.CANCELLED, "expired")
    desk.assert_nothing_left(upload.id, tracks)


@pytest.mark.parametrize(
    ("retention", "age", "kept"),
    [
        ("keep", timedelta(days=5000), True),
        ("after_minutes", timedelta(0), False),
        ("days:7", timedelta(days=6), True),
        ("days:7", timedelta(days=8), False),
    ],
)
def test_a_file_is_kept_as_long_as_the_setting_says(desk: Desk, retention: str, age: timedelta, kept: bool) -> None:
    desk.retention = retention
    upload_id = decoded(desk)
    desk.upload_sweeper().run()
    assert desk.left_on_disk() == [upload_id]
    desk.set_meeting(upload_id, MeetingState.FINISHED)
    desk.upload_sweeper().run()
    make_older(desk, upload_id, finished_at=now() - age)
    desk.upload_sweeper().run()
    assert desk.left_on_disk() == ([upload_id] if kept else [])
    assert (desk.upload(upload_id).file_deleted_at is None) == kept
    assert desk.state(upload_id) == UploadState.FINISHED


def test_a_deleted_meeting_takes_the_file_of_its_finished_upload_with_it(desk: Desk) -> None:
    upload_id = decoded(desk)
    desk.set_meeting(upload_id, MeetingState.FINISHED)
    desk.upload_sweeper().run()
    desk.set_meeting(upload_id, MeetingState.DELETED)
    desk.upload_sweeper().run()
    assert desk.left_on_disk() == []


def test_a_meeting_that_waits_for_its_file_is_not_taken_for_abandoned(desk: Desk) -> None:
    waiting, abandoned = desk.store(encoded(tone(2))), desk.store(encoded(tone(3)))
    make_older(desk, abandoned, state=UploadState.FINISHED)
    sweeper = Sweeper(
        stores=desk.stores,
        summaries=SummaryRequests(desk.redis, lambda *_: True),
        idle_finish_s=100,
        backlog_limit_samples=desk.bounds.backlog_limit_samples,
    )
    sweeper.run()
    for upload_id in (waiting, abandoned):
        desk.redis.hincrby(f"mb:idle:{desk.upload(upload_id).meeting_id}", "since_s", -100)
    sweeper.run()
    sweeper.run()
    assert desk.meeting_state(waiting) == MeetingState.LIVE
    assert desk.meeting_state(abandoned) != MeetingState.LIVE
