"""What cannot become a meeting ends as failed, says why, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from schema.core.states import MeetingState, UploadState
from schema.core.units import samples_of_s
from schema.meetings.tables import Meeting
from schema.uploads.tables import Upload
from tests.workers.ingest.desk import ATTEMPTS, Desk
from tests.workers.ingest.files import SAMPLE, encoded, silent_film, speech, tone
from workers.ingest.feeding import Feeding

ENCRYPTION = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
    "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
}


PLAYLIST = f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{SAMPLE}\n#EXT-X-ENDLIST\n"


def film(**options: str) -> bytes:
    return encoded(tone(5, 48_000), codec="aac", container="mp4", rate_hz=48_000, options=options)


BAD_FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "text called .wav": ("not_media", lambda: b"These are the minutes of the meeting.\n" * 200),
    "zeros": ("not_media", lambda: bytes(100_000)),
    "noise": ("not_media", lambda: np.random.default_rng(0).bytes(100_000)),
    "an MP4 without its end": ("truncated", lambda: film()[:20_000]),
    "a film without sound": ("no_audio", silent_film),
    "encrypted": ("encrypted", lambda: film(**ENCRYPTION)),
    "a playlist of this machine's files": ("not_media", PLAYLIST.encode),
    "a list of this machine's files": ("not_media", f"ffconcat version 1.0\nfile {SAMPLE}\n".encode),
    "a header without sound": ("not_media", lambda: encoded(tone(1))[:44]),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_what_is_no_recording_fails_with_its_reason(desk: Desk, kind: str) -> None:
    reason, made = BAD_FILES[kind]
    upload_id = desk.store(made(), name="meeting.wav")
    tracks = desk.tracks(upload_id)
    desk.work()
    upload = desk.upload(upload_id)
    assert (upload.state, upload.reason) == (UploadState.FAILED, reason)
    assert upload.detail
    assert upload.finished_at is not None
    desk.assert_nothing_left(upload_id, tracks)


def test_a_recording_that_is_too_long_fails_although_its_beginning_was_heard(desk: Desk) -> None:
    upload_id = desk.store(encoded(tone(60)))
    tracks = desk.tracks(upload_id)
    desk.work(desk.ingester(limit_samples=samples_of_s(45)))
    upload = desk.upload(upload_id)
    assert (upload.state, upload.reason) == (UploadState.FAILED, "too_long")
    assert "MINUTEBOOK_UPLOAD_LIMIT_S" in (upload.detail or "")
    desk.assert_nothing_left(upload_id, tracks)


def test_a_decoder_that_is_killed_is_started_again_and_the_sound_is_the_same(desk: Desk) -> None:
    sound = speech(0, 60)
    upload_id = desk.store(encoded(sound))
    worker = desk.ingester()
    feeding = Feeding(desk.stores, desk._send, upload_id, desk.bounds)
    feeding.step()
    feeding.step()
    os.kill(feeding.decoder.pid, signal.SIGKILL)
    desk.work(worker)
    assert desk.state(upload_id) == UploadState.TRANSCRIBING
    assert np.array_equal(desk.sound(upload_id)[0], np.rint(sound[0] * 32768).astype(np.int16))
    feeding.close()


def test_a_decoder_that_always_dies_fails_its_file_after_some_attempts(desk: Desk) -> None:
    """It is given less memory than it needs to begin."""
    upload_id = desk.store(encoded(tone(2)))
    tracks = desk.tracks(upload_id)
    for attempt in range(1, ATTEMPTS + 1):
        desk.work(desk.ingester(memory_bytes=64 << 20))
        assert desk.upload(upload_id).attempts == attempt
        desk.rested(upload_id)
    upload = desk.upload(upload_id)
    assert (upload.state, upload.reason) == (UploadState.FAILED, "decoder_died")
    desk.assert_nothing_left(upload_id, tracks)


def test_after_a_fault_a_file_rests_and_others_go_on(desk: Desk) -> None:
    bad, good = desk.store(encoded(tone(2))), desk.store(encoded(tone(3)))
    starved = desk.ingester(memory_bytes=64 << 20)
    starved.turn()
    starved.close()
    desk.rested(good)
    desk.work()
    assert desk.state(good) == UploadState.TRANSCRIBING
    assert desk.state(bad) == UploadState.DECODING
    assert desk.upload(bad).attempts == 1


def test_a_decoder_that_hangs_is_ended(desk: Desk) -> None:
    """Its file is a pipe on which nothing comes."""
    upload_id = desk.store(encoded(tone(2)))
    path = Path(desk.storage) / upload_id
    path.unlink()
    os.mkfifo(path)
    worker = desk.ingester(step_limit_s=3.0)
    worker.turn()
    assert worker.works == {}
    assert desk.upload(upload_id).attempts == 1
    assert desk.state(upload_id) == UploadState.DECODING


def test_a_file_that_is_gone_from_the_storage_fails(desk: Desk) -> None:
    upload_id = desk.store(encoded(tone(2)))
    tracks = desk.tracks(upload_id)
    (Path(desk.storage) / upload_id).unlink()
    desk.work()
    assert desk.upload(upload_id).reason == "file_missing"
    desk.assert_nothing_left(upload_id, tracks)


def test_damaged_packets_are_left_out_and_counted(desk: Desk) -> None:
    data = bytearray(encoded(speech(0, 20), codec="aac", container="matroska"))
    for at in range(len(data) // 2, len(data) // 2 + 10_000, 100):
        data[at] ^= 0xFF
    upload_id = desk.store(bytes(data))
    desk.work()
    upload = desk.upload(upload_id)
    assert upload.state == UploadState.TRANSCRIBING
    assert upload.media["skipped_packets"] > 0
    assert (upload.duration_samples or 0) > samples_of_s(10)


def test_a_path_in_the_name_leads_nowhere(desk: Desk) -> None:
    upload_id = desk.store(encoded(tone(2)), name="../../etc/\x1b[31mpasswd\0.wav")
    assert desk.left_on_disk() == [upload_id]
    assert desk.upload(upload_id).name == "[31mpasswd.wav"


@pytest.mark.parametrize("stage", ["queued", "decoding", "transcribing"])
def test_deleting_the_meeting_cancels_its_upload(desk: Desk, stage: str) -> None:
    desk.bounds = type(desk.bounds)(samples_of_s(25), desk.bounds.limit_samples, 2 << 30, 60)
    upload_id = desk.store(encoded(tone(20 if stage == "transcribing" else 60)))
    tracks = desk.tracks(upload_id)
    worker = desk.ingester()
    if stage != "queued":
        desk.work(worker)
    assert desk.state(upload_id) == stage
    desk.set_meeting(upload_id, MeetingState.DELETED)
    desk.upload_sweeper().run()
    upload = desk.upload(upload_id)
    assert (upload.state, upload.reason) == (UploadState.CANCELLED, "meeting_deleted")
    desk.assert_nothing_left(upload_id, tracks)
    assert not worker.turn()
    assert worker.works == {}


def test_nothing_of_a_failure_is_left_when_its_worker_dies_at_once(desk: Desk) -> None:
    """The row says failed, and then nobody removed anything."""
    upload_id = desk.store(encoded(tone(2)))
    tracks = desk.tracks(upload_id)
    with desk.database.write() as session:
        session.scalars(select(Upload)).one().state = UploadState.FAILED
        assert session.scalars(select(Meeting)).one().state == MeetingState.LIVE
    desk.upload_sweeper().run()
    desk.assert_nothing_left(upload_id, tracks)
    assert desk.upload(upload_id).file_deleted_at is not None
