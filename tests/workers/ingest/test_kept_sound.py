"""A live meeting is transcribed again from its kept audio, sample for sample."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sqlalchemy import delete

from schema.core.errors import AudioNotKept, Unavailable
from schema.core.states import CoverageKind, MeetingState, UploadState
from schema.core.storage import LocalFiles
from schema.core.units import samples_of_s
from schema.kept_audio.flac import to_flac
from schema.kept_audio.pieces import book_piece, book_stored
from schema.kept_audio.tables import AudioPiece
from schema.meetings.lifecycle import delete_meeting
from schema.meetings.tables import Coverage, Meeting, Track
from schema.meetings.versions import add_version
from schema.uploads.failures import UploadFailure
from tests.workers.ingest.files import tone
from tests.workers.ingest.ingest_rig import ATTEMPTS, IngestRig
from tests.workers.ingest.test_versions import AS_BEFORE

SOURCE = "live"
SOUND: NDArray[np.int16] = np.rint(tone(70)[0] * 32767).astype(np.int16)
TimeSpan = tuple[float, float]


def live_meeting(rig: IngestRig) -> None:
    with rig.database.write() as session:
        session.add(Meeting(id=SOURCE, title="Weekly", owner="local", state=MeetingState.FINISHED, keeps_audio=True))


def add_track(
    rig: IngestRig, name: str, kept: Sequence[TimeSpan], missing: Sequence[TimeSpan] = (), speaker: str | None = None
) -> None:
    """Add a track of the live meeting. *kept* and *missing* are in seconds; what is kept is that part of `SOUND`."""
    with rig.database.write() as session:
        session.add(Track(id=f"{SOURCE}-{name}", meeting_id=SOURCE, name=name, speaker=speaker))
        session.flush()
        for first_s, end_s in missing:
            first, end = samples_of_s(first_s), samples_of_s(end_s)
            session.add(
                Coverage(track_id=f"{SOURCE}-{name}", first_sample=first, end_sample=end, kind=CoverageKind.MISSING)
            )
    for first_s, end_s in kept:
        first, end = samples_of_s(first_s), samples_of_s(end_s)
        flac = to_flac(SOUND[first:end])
        with rig.database.write() as session:
            piece = book_piece(session, SOURCE, f"{SOURCE}-{name}", first, end)
            book_stored(session, piece, len(flac))
        rig.files.append(piece.file_id, 0, flac)
        rig.files.commit(piece.file_id, len(flac))


def read_again(rig: IngestRig) -> str:
    with rig.database.write() as session:
        return add_version(session, SOURCE, AS_BEFORE, expires_s=60, open_limit=100).id


def sound_without(*holes: TimeSpan, end_s: float = 70) -> NDArray[np.int16]:
    sound = SOUND.copy()
    for first_s, last_s in (*holes, (end_s, 70)):
        sound[samples_of_s(first_s) : samples_of_s(last_s)] = 0
    return sound


@pytest.fixture
def kept(rig: IngestRig) -> IngestRig:
    """A meeting with one track of 70 s, kept in two pieces."""
    live_meeting(rig)
    add_track(rig, "main", [(0, 40), (40, 70)], speaker="Ann")
    return rig


def test_a_live_meeting_is_read_again_from_its_kept_audio(kept: IngestRig) -> None:
    pieces = kept.left_on_disk()
    version = read_again(kept)
    kept.run_until_idle()
    upload = kept.upload(version)
    assert (upload.state, upload.audio_of, upload.name) == (UploadState.TRANSCRIBING, SOURCE, "Weekly")
    assert upload.duration_samples == len(SOUND)
    assert [(track.name, track.speaker) for track in kept.tracks(version)] == [("main", "Ann")]
    assert np.array_equal(kept.audio(version)[0], SOUND)
    assert kept.holes(version) == [[]]
    assert kept.left_on_disk() == pieces


def test_what_was_lost_or_not_stored_is_missing_and_a_track_that_ended_early_is_silent(rig: IngestRig) -> None:
    live_meeting(rig)
    add_track(rig, "far", [(0, 30), (45, 70)])
    add_track(rig, "near", [(0, 30), (30, 55)], missing=[(4, 9.5)])
    version = read_again(rig)
    rig.run_until_idle()
    far, near = rig.audio(version)
    assert np.array_equal(far, sound_without((30, 45)))
    assert np.array_equal(near, sound_without((4, 9.5), end_s=55))
    seconds = [[(first / 16000, end / 16000) for first, end in holes] for holes in rig.holes(version)]
    assert seconds == [[(30, 40), (40, 45)], [(4, 9.5)]]


@pytest.mark.parametrize("blocks", [1, 4])
def test_another_worker_goes_on_where_one_has_died(kept: IngestRig, blocks: int) -> None:
    version = read_again(kept)
    kept.decode_and_die(version, blocks)
    kept.run_until_idle()
    assert np.array_equal(kept.audio(version)[0], SOUND)


def test_audio_that_is_deleted_meanwhile_ends_the_version_and_leaves_the_meeting(kept: IngestRig) -> None:
    version = read_again(kept)
    for name in kept.left_on_disk():
        kept.files.delete(name)
    kept.run_until_idle()
    upload = kept.upload(version)
    assert (upload.state, upload.reason) == (UploadState.FAILED, UploadFailure.FILE_MISSING)
    assert "its earlier version is unchanged" in str(upload.detail)
    with kept.database.read() as session:
        assert session.get_one(Meeting, SOURCE).state == MeetingState.FINISHED


@pytest.mark.parametrize("rows", ["pieces", "meeting"])
def test_a_version_never_comes_out_empty_because_its_audio_is_gone(kept: IngestRig, rows: str) -> None:
    version = read_again(kept)
    if rows == "meeting":
        delete_meeting(kept.stores, SOURCE)
    with kept.database.write() as session:
        session.execute(delete(AudioPiece))
    kept.run_until_idle()
    upload = kept.upload(version)
    assert (upload.state, upload.reason) == (UploadState.FAILED, UploadFailure.FILE_MISSING)


@pytest.mark.parametrize("broken", [b"no sound", to_flac(SOUND[:100])])
def test_damaged_audio_is_told(kept: IngestRig, broken: bytes) -> None:
    version = read_again(kept)
    first = Path(kept.storage) / kept.left_on_disk()[0]
    first.write_bytes(broken)
    kept.run_until_idle()
    upload = kept.upload(version)
    assert (upload.state, upload.reason) == (UploadState.FAILED, UploadFailure.DAMAGED)
    assert first.name in str(upload.detail)


def test_a_storage_that_does_not_answer_is_asked_again(kept: IngestRig, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise Unavailable("the storage does not answer")

    version = read_again(kept)
    with monkeypatch.context() as outage:
        outage.setattr(LocalFiles, "open", away)
        for _ in range(ATTEMPTS + 1):
            kept.run_until_idle()
            kept.end_pause(version)
    assert kept.state(version) == UploadState.DECODING
    kept.run_until_idle()
    assert np.array_equal(kept.audio(version)[0], SOUND)


def test_without_kept_audio_there_is_nothing_to_read(rig: IngestRig) -> None:
    live_meeting(rig)
    add_track(rig, "main", [])
    with pytest.raises(AudioNotKept, match="MINUTEBOOK_AUDIO_RETENTION"):
        read_again(rig)
