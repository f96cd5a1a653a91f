"""Audio is deleted with its meeting, and when the setting of the server says so."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from schema.core.states import MeetingState, UploadState
from schema.core.tables import now
from schema.core.units import samples_of_s
from schema.kept_audio.pieces import book_piece
from schema.kept_audio.tables import AudioPiece
from schema.meetings.lifecycle import delete_meeting
from schema.meetings.tables import Meeting
from schema.uploads.tables import Upload
from tests.workers.conftest import sample_meeting
from tests.workers.worker_rig import WorkerRig
from workers.kept_audio.keeper import AudioKeeper
from workers.kept_audio.sweeper import AudioSweeper
from workers.transcribe.track_rows import read_facts


@pytest.fixture
def kept(rig: WorkerRig) -> WorkerRig:
    """A meeting with 20 s of kept audio, finished an hour ago."""
    track_id = rig.open_meeting(keeps_audio=True)
    rig.append(track_id, sample_meeting(0, 20))
    with rig.database.read() as session:
        facts = read_facts(session, [track_id])[track_id]
    AudioKeeper(rig.stores, 0).keep(facts, samples_of_s(20), ends=True)
    change(rig, state=MeetingState.FINISHED, finished_at=now() - timedelta(hours=1))
    return rig


def change(rig: WorkerRig, **values: object) -> None:
    with rig.database.write() as session:
        meeting = session.get_one(Meeting, "m")
        for name, value in values.items():
            setattr(meeting, name, value)


def is_kept(rig: WorkerRig) -> bool:
    """Whether row and file are there. There is never only one of them."""
    with rig.database.read() as session:
        pieces = session.scalars(select(AudioPiece)).all()
    assert {each.name for each in Path(rig.stores.storage_url).iterdir()} == {piece.file_id for piece in pieces}
    return bool(pieces)


@pytest.mark.parametrize(
    ("retention", "age", "stays"),
    [
        ("keep", timedelta(days=4000), True),
        ("days:30", timedelta(days=29), True),
        ("days:30", timedelta(days=31), False),
        ("after_minutes", timedelta(seconds=30), True),
        ("after_minutes", timedelta(minutes=2), False),
        ("off", timedelta(0), False),
    ],
)
def test_audio_of_a_finished_meeting_is_kept_for_its_time(
    kept: WorkerRig, retention: str, age: timedelta, stays: bool
) -> None:
    change(kept, finished_at=now() - age)
    AudioSweeper(kept.stores, retention).sweep()
    assert is_kept(kept) is stays


@pytest.mark.parametrize("state", [MeetingState.LIVE, MeetingState.DRAINING, MeetingState.SUMMARIZING])
def test_audio_of_a_meeting_that_is_not_over_stays(kept: WorkerRig, state: MeetingState) -> None:
    change(kept, state=state)
    AudioSweeper(kept.stores, "after_minutes").sweep()
    assert is_kept(kept)


def test_audio_goes_with_its_meeting(kept: WorkerRig) -> None:
    delete_meeting(kept.stores, "m")
    sweeper = AudioSweeper(kept.stores, "keep")
    sweeper.sweep()
    assert not is_kept(kept)
    sweeper.sweep()


def test_audio_of_a_recording_goes_with_its_file(kept: WorkerRig) -> None:
    with kept.database.write() as session:
        session.add(Upload(id="u", meeting_id="m", owner="local", state=UploadState.FINISHED))
    AudioSweeper(kept.stores, "keep").sweep()
    assert is_kept(kept)
    with kept.database.write() as session:
        session.get_one(Upload, "u").file_deleted_at = now()
    AudioSweeper(kept.stores, "keep").sweep()
    assert not is_kept(kept)


def test_a_piece_that_a_worker_writes_at_this_moment_is_not_swept_before_it_is_stored(kept: WorkerRig) -> None:
    with kept.database.write() as session:
        young = book_piece(session, "m", "m-main", samples_of_s(20), samples_of_s(30)).file_id
        old = book_piece(session, "m", "m-main", samples_of_s(30), samples_of_s(40))
        old.created_at = now() - timedelta(hours=1)
    kept.stores.files.append(old.file_id, 0, np.zeros(10, np.int16).tobytes())
    AudioSweeper(kept.stores, "after_minutes").sweep()
    with kept.database.read() as session:
        assert list(session.scalars(select(AudioPiece.file_id))) == [young]
    assert list(Path(kept.stores.storage_url).iterdir()) == []


def test_two_workers_may_sweep_the_same_audio(kept: WorkerRig, monkeypatch: pytest.MonkeyPatch) -> None:
    delete = kept.stores.files.delete

    def delete_after_another(file_id: str) -> None:
        monkeypatch.undo()
        AudioSweeper(kept.stores, "off").sweep()
        delete(file_id)

    monkeypatch.setattr(kept.stores.files, "delete", delete_after_another)
    AudioSweeper(kept.stores, "off").sweep()
    assert not is_kept(kept)


def test_a_storage_that_is_away_keeps_its_rows(kept: WorkerRig, tmp_path: Path) -> None:
    folder = Path(kept.stores.storage_url)
    folder.rename(tmp_path / "away")
    folder.write_text("not a folder")
    AudioSweeper(kept.stores, "off").sweep()
    folder.unlink()
    (tmp_path / "away").rename(folder)
    assert is_kept(kept)
