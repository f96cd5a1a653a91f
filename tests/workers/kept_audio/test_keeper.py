"""Workers store the committed audio of meetings, whatever dies or fails in the middle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from schema.core.states import CoverageKind, TrackKind
from schema.core.units import samples_of_s
from schema.kept_audio.flac import from_flac
from schema.kept_audio.pieces import book_piece, pieces_of
from schema.kept_audio.tables import AudioPiece
from schema.mailbox import Keys
from schema.meetings.lifecycle import delete_meeting
from schema.meetings.tables import Coverage, Track
from schema.stores import Stores
from tests.workers.conftest import sample_meeting
from tests.workers.worker_rig import WorkerRig
from training.data.audio import Samples
from workers.kept_audio.keeper import PIECE_SAMPLES, AudioKeeper
from workers.transcribe.track_rows import TrackFacts, read_facts


@pytest.fixture(scope="module")
def minute() -> Samples:
    """70 s of the sample meeting."""
    return sample_meeting(0, 70)


def kept(rig: WorkerRig, end_sample: int, meeting_id: str = "m") -> Samples:
    """What is kept of a meeting with one track, with silence where nothing is kept."""
    heard = np.zeros(end_sample, np.int16)
    with rig.database.read() as session:
        for piece in pieces_of(session, meeting_id):
            with rig.stores.files.open(piece.file_id) as file:
                heard[piece.first_sample : piece.end_sample] = from_flac(file)
    return heard


def facts(rig: WorkerRig, track_id: str = "m-main") -> TrackFacts:
    with rig.database.read() as session:
        return read_facts(session, [track_id])[track_id]


def pieces(rig: WorkerRig) -> list[AudioPiece]:
    with rig.database.read() as session:
        return list(session.scalars(select(AudioPiece).order_by(AudioPiece.first_sample)))


@pytest.mark.model
@pytest.mark.parametrize("kind", [TrackKind.LIVE, TrackKind.BATCH])
def test_what_was_transcribed_can_be_heard_to_the_last_sample(rig: WorkerRig, minute: Samples, kind: TrackKind) -> None:
    track_id = rig.open_meeting(kind=kind, keeps_audio=True)
    worker = rig.worker()
    for first in range(0, len(minute), samples_of_s(20)):
        rig.append(track_id, minute[first : first + samples_of_s(20)])
        if kind == TrackKind.LIVE:
            rig.run_until_idle(worker)
    rig.finish()
    rig.run_until_idle(worker)
    assert (kept(rig, len(minute)) == minute).all()
    assert 1 <= len(pieces(rig)) <= 3
    assert [piece.first_sample for piece in pieces(rig)][1:] == [piece.end_sample for piece in pieces(rig)][:-1]


@pytest.mark.model
def test_a_meeting_whose_audio_is_not_kept_leaves_no_file(rig: WorkerRig, speech: Samples) -> None:
    rig.append(rig.open_meeting(), speech)
    rig.finish()
    rig.run_until_idle()
    assert pieces(rig) == []
    assert not Path(rig.stores.storage_url).exists()


@pytest.fixture
def filled(rig: WorkerRig, minute: Samples) -> WorkerRig:
    """A meeting with 70 s in its mailbox. Nothing is stored yet."""
    rig.append(rig.open_meeting(keeps_audio=True), minute)
    return rig


def test_audio_is_stored_in_pieces_and_the_rest_at_the_end(filled: WorkerRig, minute: Samples) -> None:
    keeper = AudioKeeper(filled.stores, 0)
    assert keeper.keep(facts(filled), PIECE_SAMPLES - 1, ends=False) == 0
    assert pieces(filled) == []
    assert keeper.keep(facts(filled), PIECE_SAMPLES + 5, ends=False) == PIECE_SAMPLES + 5
    assert keeper.keep(facts(filled), len(minute), ends=True) == len(minute)
    assert [(piece.first_sample, piece.end_sample) for piece in pieces(filled)] == [
        (0, PIECE_SAMPLES + 5),
        (PIECE_SAMPLES + 5, len(minute)),
    ]
    assert (kept(filled, len(minute)) == minute).all()


@pytest.mark.parametrize("stored", ["nothing", "half of the file", "the file"])
def test_a_worker_that_takes_over_from_a_killed_one_writes_the_same_piece_once(
    filled: WorkerRig, minute: Samples, stored: str
) -> None:
    keeper, end = AudioKeeper(filled.stores, 0), PIECE_SAMPLES + 100
    with filled.database.write() as session:
        piece = book_piece(session, "m", "m-main", 0, end)
    if stored == "half of the file":
        filled.stores.files.append(piece.file_id, 0, b"fLaC, and then the worker was killed" * 100_000)
    if stored == "the file":
        assert keeper._store(piece, minute[:end])
        with filled.database.write() as session:
            session.get_one(AudioPiece, piece.file_id).size_bytes = None
    assert keeper.keep(facts(filled), len(minute), ends=True) == len(minute)
    assert [(each.first_sample, each.end_sample) for each in pieces(filled)] == [(0, end), (end, len(minute))]
    assert len(list(Path(filled.stores.storage_url).iterdir())) == 2
    assert (kept(filled, len(minute)) == minute).all()


def test_the_same_step_twice_stores_one_piece(filled: WorkerRig, minute: Samples) -> None:
    before = facts(filled)
    for _ in range(2):  # the second worker does not know that the first has stored it
        assert AudioKeeper(filled.stores, 0).keep(before, len(minute), ends=True) == len(minute)
    assert len(pieces(filled)) == 2
    assert facts(filled).kept_sample == len(minute)


def test_audio_waits_for_a_storage_that_fails(filled: WorkerRig, minute: Samples, tmp_path: Path) -> None:
    (tmp_path / "no folder").write_text("")
    broken = Stores(filled.database, filled.redis, filled.mailbox, str(tmp_path / "no folder/files"))
    keeper = AudioKeeper(broken, 0)
    assert keeper.keep(facts(filled), len(minute), ends=False) == 0
    keeper._stores = filled.stores
    assert keeper.keep(facts(filled), len(minute), ends=True) == 0, "it rests after a failure"
    keeper._rests_until_s = 0
    assert keeper.keep(facts(filled), len(minute), ends=True) == len(minute)
    assert (kept(filled, len(minute)) == minute).all()


def test_a_disk_without_room_takes_no_audio(filled: WorkerRig, minute: Samples) -> None:
    assert AudioKeeper(filled.stores, 1 << 60).keep(facts(filled), len(minute), ends=False) == 0
    assert not kept(filled, len(minute)).any()


def test_redis_holds_no_more_than_some_minutes_for_a_storage_that_fails(filled: WorkerRig) -> None:
    keeper = AudioKeeper(filled.stores, 1 << 60)
    assert keeper.keep(facts(filled), samples_of_s(3600), ends=False) == samples_of_s(3300)


def test_what_redis_has_lost_is_silent_and_the_rest_is_kept(filled: WorkerRig, minute: Samples) -> None:
    filled.redis.xtrim(Keys(0).stream_of("m-main"), minid=f"{samples_of_s(65)}-0")
    AudioKeeper(filled.stores, 0).keep(facts(filled), len(minute), ends=True)
    heard = kept(filled, len(minute))
    assert not heard[: samples_of_s(60)].any()
    assert facts(filled).kept_sample == len(minute)


def test_what_the_producer_has_lost_is_silent_without_a_file(rig: WorkerRig, speech: Samples) -> None:
    track_id = rig.open_meeting(keeps_audio=True)
    rig.mailbox.skip(track_id, samples_of_s(100))
    rig.append(track_id, speech)
    end = samples_of_s(100) + len(speech)
    with rig.database.write() as session:
        hole = Coverage(track_id=track_id, first_sample=0, end_sample=samples_of_s(100), kind=CoverageKind.MISSING)
        session.add(hole)
    assert AudioKeeper(rig.stores, 0).keep(facts(rig), end, ends=True) == end
    heard = kept(rig, end)
    assert not heard[: samples_of_s(100)].any()
    assert (heard[samples_of_s(100) :] == speech).all()
    assert pieces(rig)[0].first_sample == samples_of_s(100)


def test_a_meeting_that_is_deleted_meanwhile_gets_no_file(filled: WorkerRig, minute: Samples) -> None:
    with filled.database.write() as session:
        piece = book_piece(session, "m", "m-main", 0, PIECE_SAMPLES)
        session.delete(piece)
    assert not AudioKeeper(filled.stores, 0)._store(piece, minute[:PIECE_SAMPLES])
    delete_meeting(filled.stores, "m")
    assert list(Path(filled.stores.storage_url).iterdir()) == []
    with filled.database.read() as session:
        assert session.get(Track, "m-main") is None
