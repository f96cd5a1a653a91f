"""Uploads settle by themselves: they finish with their meeting or expire, and their files are kept or deleted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from schema.core.events import Event, channel
from schema.core.states import MeetingState, UploadState
from schema.core.tables import now
from schema.meetings.lifecycle import finish_meeting
from schema.meetings.tables import Meeting
from schema.uploads.lifecycle import add_upload, end_request
from schema.uploads.tables import Upload
from schema.uploads.wire import NewUpload
from tests.workers.ingest.files import encoded, tone
from tests.workers.ingest.ingest_rig import IngestRig
from workers.tasks.summary_requests import SummaryRequests
from workers.tasks.sweeper import Sweeper


@contextmanager
def published_events(rig: IngestRig, meeting_id: str) -> Iterator[list[Event]]:
    """The events published about a meeting during the block."""
    events: list[Event] = []
    with rig.redis.pubsub() as pubsub:  # type: ignore[no-untyped-call]
        pubsub.subscribe(channel(meeting_id))
        pubsub.get_message(timeout=5)
        yield events
        while message := pubsub.get_message(timeout=0.2):
            events.append(Event.decode(message["data"]))


def decoded(rig: IngestRig, seconds: float = 3) -> str:
    upload_id = rig.store(encoded(tone(seconds)))
    rig.run_until_idle()
    return upload_id


def set_upload(rig: IngestRig, upload_id: str, **values: object) -> None:
    with rig.database.write() as session:
        session.execute(update(Upload).where(Upload.id == upload_id).values(values))


def test_an_upload_is_finished_with_its_meeting(rig: IngestRig) -> None:
    upload_id = decoded(rig)
    upload_sweeper = rig.upload_sweeper()
    for _ in range(2):
        upload_sweeper.run()
    assert rig.state(upload_id) == UploadState.TRANSCRIBING
    rig.set_meeting(upload_id, MeetingState.FINISHED)
    for _ in range(2):
        upload_sweeper.run()
    assert rig.state(upload_id) == UploadState.FINISHED
    assert rig.upload(upload_id).finished_at is not None
    assert rig.left_on_disk() == [upload_id]


def test_a_decoded_meeting_whose_worker_died_is_finished(rig: IngestRig) -> None:
    upload_id = decoded(rig)
    rig.set_meeting(upload_id, MeetingState.LIVE)
    rig.upload_sweeper().run()
    assert rig.meeting_state(upload_id) == MeetingState.DRAINING


def test_followers_get_one_event_about_the_progress_of_an_upload(rig: IngestRig) -> None:
    upload_id = decoded(rig)
    upload_sweeper = rig.upload_sweeper()
    with published_events(rig, rig.upload(upload_id).meeting_id) as events:
        upload_sweeper.run()
        upload_sweeper.run()
    (event,) = [event for event in events if event.type == "upload"]
    assert event.seq is None
    assert (event.data["state"], event.data["percent"], event.data["duration_s"]) == ("transcribing", 0.0, 3.0)


def test_finishing_a_meeting_early_keeps_the_decoded_audio(rig: IngestRig) -> None:
    rig.bounds = type(rig.bounds)(16_000 * 25, rig.bounds.limit_samples, 2 << 30, 60)
    upload_id = rig.store(encoded(tone(60)))
    worker = rig.ingester()
    rig.run_until_idle(worker)
    finish_meeting(rig.stores, rig.upload(upload_id).meeting_id, 16_000 * 25)
    rig.upload_sweeper().run()
    upload = rig.upload(upload_id)
    assert (upload.state, upload.duration_samples) == (UploadState.TRANSCRIBING, 16_000 * 20)
    assert not worker.turn()
    assert worker.works == {}


def test_an_expired_incomplete_upload_is_given_up(rig: IngestRig) -> None:
    with rig.database.write() as session:
        upload = add_upload(session, owner="a", name="a", new=NewUpload(), size_bytes=100, expires_s=60, open_limit=10)
    tracks = rig.tracks(upload.id)
    rig.files.append(upload.id, 0, b"half")
    rig.upload_sweeper().run()
    assert rig.state(upload.id) == UploadState.RECEIVING
    set_upload(rig, upload.id, expires_at=now() - timedelta(seconds=1))
    rig.upload_sweeper().run()
    assert (rig.state(upload.id), rig.upload(upload.id).reason) == (UploadState.CANCELLED, "expired")
    rig.assert_nothing_left(upload.id, tracks)


@pytest.mark.parametrize(
    ("retention", "age", "kept"),
    [
        ("keep", timedelta(days=5000), True),
        ("after_minutes", timedelta(0), False),
        ("days:7", timedelta(days=6), True),
        ("days:7", timedelta(days=8), False),
    ],
)
def test_a_file_is_kept_as_long_as_the_retention_setting_says(
    rig: IngestRig, retention: str, age: timedelta, kept: bool
) -> None:
    rig.retention = retention
    upload_id = decoded(rig)
    rig.upload_sweeper().run()
    assert rig.left_on_disk() == [upload_id]
    rig.set_meeting(upload_id, MeetingState.FINISHED)
    rig.upload_sweeper().run()
    set_upload(rig, upload_id, finished_at=now() - age)
    rig.upload_sweeper().run()
    assert rig.left_on_disk() == ([upload_id] if kept else [])
    assert (rig.upload(upload_id).file_deleted_at is None) == kept
    assert rig.state(upload_id) == UploadState.FINISHED


def test_deleting_a_meeting_deletes_the_file_of_its_finished_upload(rig: IngestRig) -> None:
    upload_id = decoded(rig)
    rig.set_meeting(upload_id, MeetingState.FINISHED)
    rig.upload_sweeper().run()
    rig.set_meeting(upload_id, MeetingState.DELETED)
    rig.upload_sweeper().run()
    assert rig.left_on_disk() == []


def test_a_meeting_that_waits_for_its_file_is_not_finished_as_idle(rig: IngestRig) -> None:
    waiting, abandoned = rig.store(encoded(tone(2))), rig.store(encoded(tone(3)))
    set_upload(rig, abandoned, state=UploadState.FINISHED)
    sweeper = Sweeper(
        stores=rig.stores,
        summaries=SummaryRequests(rig.redis, lambda *_: True),
        idle_finish_s=100,
        backlog_limit_samples=rig.bounds.backlog_limit_samples,
    )
    sweeper.run()
    for upload_id in (waiting, abandoned):
        rig.redis.hincrby(f"mb:idle:{rig.upload(upload_id).meeting_id}", "since_s", -100)
    sweeper.run()
    sweeper.run()
    assert rig.meeting_state(waiting) == MeetingState.LIVE
    assert rig.meeting_state(abandoned) != MeetingState.LIVE


def test_an_upload_whose_request_died_is_deleted_after_its_time(rig: IngestRig) -> None:
    upload_id = decoded(rig)
    set_upload(rig, upload_id, answer_by=now() + timedelta(hours=1))
    rig.upload_sweeper().tidy()
    assert rig.state(upload_id) == UploadState.TRANSCRIBING
    set_upload(rig, upload_id, answer_by=now() - timedelta(seconds=1))
    rig.upload_sweeper().tidy()
    assert rig.state(upload_id) == UploadState.CANCELLED
    assert rig.meeting_state(upload_id) == MeetingState.DELETED
    assert rig.upload(upload_id).file_deleted_at is not None


def test_the_rows_of_an_ended_request_are_deleted_after_a_while(rig: IngestRig) -> None:
    requested, usual = decoded(rig), decoded(rig)
    set_upload(rig, requested, answer_by=now() + timedelta(hours=1))
    for upload_id in (requested, usual):
        end_request(rig.stores, upload_id)
    rig.upload_sweeper().tidy()
    assert rig.state(requested) == UploadState.CANCELLED
    for upload_id in (requested, usual):
        set_upload(rig, upload_id, finished_at=now() - timedelta(hours=1))
    rig.upload_sweeper().tidy()
    with rig.database.read() as session:
        assert session.scalars(select(Upload.id)).all() == [usual]
        assert session.scalar(select(func.count()).select_from(Meeting)) == 1


def test_a_finished_request_is_deleted_too(rig: IngestRig) -> None:
    upload_id = decoded(rig)
    rig.set_meeting(upload_id, MeetingState.FINISHED)
    rig.upload_sweeper().run()
    assert rig.state(upload_id) == UploadState.FINISHED
    end_request(rig.stores, upload_id)
    assert rig.state(upload_id) == UploadState.CANCELLED
    assert rig.meeting_state(upload_id) == MeetingState.DELETED
