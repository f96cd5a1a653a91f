"""A live meeting that has ended is queued once to be read again, if all of its audio is kept."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from schema.core.states import CoverageKind, MeetingState, UploadState
from schema.core.tables import now
from schema.core.units import samples_of_s
from schema.kept_audio.pieces import book_piece, book_stored
from schema.kept_audio.tables import AudioPiece
from schema.meetings.lifecycle import delete_meeting
from schema.meetings.tables import Coverage, Meeting, Track
from schema.uploads.tables import Upload
from tests.workers.worker_rig import WorkerRig
from workers.kept_audio.second_reading import SecondReading
from workers.kept_audio.sweeper import AudioSweeper


@pytest.fixture
def ended(rig: WorkerRig) -> WorkerRig:
    """A live meeting of 20 s that has just ended. Its first 4 s were lost, the rest is kept in two pieces."""
    track_id = rig.open_meeting(keeps_audio=True)
    with rig.database.write() as session:
        track = session.get_one(Track, track_id)
        track.committed_sample, track.speaker = samples_of_s(20), "Ann"
        lost = Coverage(track_id=track_id, first_sample=0, end_sample=samples_of_s(4), kind=CoverageKind.MISSING)
        session.add(lost)
        for first_s, end_s in ((4, 10), (10, 20)):
            piece = book_piece(session, "m", track_id, samples_of_s(first_s), samples_of_s(end_s))
            book_stored(session, piece, 1000)
        meeting = session.get_one(Meeting, "m")
        meeting.state, meeting.finished_at, meeting.title = MeetingState.FINISHED, now(), "Weekly"
    return rig


def read_again(rig: WorkerRig, open_limit: int = 10) -> list[Upload]:
    """Run the task of two workers. Returns the uploads that they queued."""
    for _ in range(2):
        SecondReading(rig.stores, expires_s=60, open_limit=open_limit).run()
    with rig.database.read() as session:
        return list(session.scalars(select(Upload)))


def test_a_meeting_that_has_ended_is_read_again_once(ended: WorkerRig) -> None:
    (upload,) = read_again(ended)
    assert (upload.state, upload.audio_of, upload.size_bytes) == (UploadState.QUEUED, "m", 2000)
    with ended.database.read() as session:
        version = session.get_one(Meeting, upload.meeting_id)
        tracks = session.scalars(select(Track).where(Track.meeting_id == version.id)).all()
    assert (version.title, version.version, version.made_from, version.shown) == ("Weekly", 2, "m", False)
    assert [(track.name, track.speaker) for track in tracks] == [("main", "Ann")]
    delete_meeting(ended.stores, version.id)
    assert len(read_again(ended)) == 1, "somebody did not want the second version"


def test_a_meeting_is_left_as_it_is_if_some_of_its_audio_is_not_stored(ended: WorkerRig) -> None:
    with ended.database.write() as session:
        session.get_one(Track, "m-main").committed_sample += 1
    assert read_again(ended) == []


@pytest.mark.parametrize(
    ("state", "age"),
    [
        (MeetingState.LIVE, timedelta(0)),
        (MeetingState.SUMMARIZING, timedelta(0)),
        (MeetingState.DELETED, timedelta(0)),
        (MeetingState.FINISHED, timedelta(hours=2)),
    ],
)
def test_other_meetings_are_not_read_again(ended: WorkerRig, state: MeetingState, age: timedelta) -> None:
    with ended.database.write() as session:
        meeting = session.get_one(Meeting, "m")
        meeting.state, meeting.finished_at = state, now() - age
    assert read_again(ended) == []


def test_with_too_many_open_uploads_a_meeting_waits(ended: WorkerRig) -> None:
    assert read_again(ended, open_limit=0) == []
    assert len(read_again(ended)) == 1


@pytest.mark.parametrize(("state", "stays"), [(UploadState.DECODING, True), (UploadState.TRANSCRIBING, False)])
def test_audio_is_kept_until_it_has_been_read_again(ended: WorkerRig, state: UploadState, stays: bool) -> None:
    (upload,) = read_again(ended)
    with ended.database.write() as session:
        session.get_one(Upload, upload.id).state = state
        session.get_one(Meeting, "m").finished_at = now() - timedelta(minutes=2)
    AudioSweeper(ended.stores, "after_minutes").sweep()
    with ended.database.read() as session:
        assert bool(session.scalars(select(AudioPiece)).all()) is stays
