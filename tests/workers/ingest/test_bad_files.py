"""A file that cannot become a meeting fails with the reason and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from schema.core.states import MeetingState, UploadState
from schema.core.units import samples_of_s
from schema.meetings.tables import Meeting
from schema.uploads.tables import Upload
from tests.workers.ingest.files import SAMPLE, encoded, speech, tone, video_without_audio
from tests.workers.ingest.ingest_rig import ATTEMPTS, IngestRig
from workers.ingest.decoder_process import DecoderProcess
from workers.ingest.feeding import Feeding

ENCRYPTION = {
    "encryption_scheme": "cenc-aes-ctr",
    "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
    "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
}


PLAYLIST = f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{SAMPLE}\n#EXT-X-ENDLIST\n"


def film(**options: str) -> bytes:
    return encoded(tone(5, 48_000), codec="aac", container="mp4", rate_hz=48_000, options=options)


def wav_of(rate_hz: int) -> bytes:
    """A WAV file whose header claims *rate_hz*."""
    data = bytearray(encoded(tone(1)))
    data[24:28] = struct.pack("<I", rate_hz)
    return bytes(data)


BAD_FILES: dict[str, tuple[str, Callable[[], bytes]]] = {
    "text called .wav": ("not_media", lambda: b"These are the minutes of the meeting.\n" * 200),
    "zeros": ("not_media", lambda: bytes(100_000)),
    "noise": ("not_media", lambda: np.random.default_rng(0).bytes(100_000)),
    "an MP4 without its end": ("truncated", lambda: film()[:20_000]),
    "a film without sound": ("no_audio", video_without_audio),
    "encrypted": ("encrypted", lambda: film(**ENCRYPTION)),
    "a playlist of this machine's files": ("not_media", PLAYLIST.encode),
    "a list of this machine's files": ("not_media", f"ffconcat version 1.0\nfile {SAMPLE}\n".encode),
    "a WAV of 12 Hz": ("not_media", lambda: wav_of(12)),
    "a WAV of 4 GHz": ("not_media", lambda: wav_of(4_000_000_000)),
    "a header without sound": ("not_media", lambda: encoded(tone(1))[:44]),
}


@pytest.mark.parametrize("kind", BAD_FILES)
def test_a_file_that_is_not_a_recording_fails_with_the_reason(rig: IngestRig, kind: str) -> None:
    reason, made = BAD_FILES[kind]
    upload_id = rig.store(made(), name="meeting.wav")
    tracks = rig.tracks(upload_id)
    rig.run_until_idle()
    upload = rig.upload(upload_id)
    assert (upload.state, upload.reason) == (UploadState.FAILED, reason)
    assert upload.detail
    assert upload.finished_at is not None
    rig.assert_nothing_left(upload_id, tracks)


def test_a_recording_over_the_limit_fails_after_part_of_it_was_decoded(rig: IngestRig) -> None:
    upload_id = rig.store(encoded(tone(60)))
    tracks = rig.tracks(upload_id)
    rig.run_until_idle(rig.ingester(limit_samples=samples_of_s(45)))
    upload = rig.upload(upload_id)
    assert (upload.state, upload.reason) == (UploadState.FAILED, "too_long")
    assert "MINUTEBOOK_UPLOAD_LIMIT_S" in (upload.detail or "")
    rig.assert_nothing_left(upload_id, tracks)


@pytest.mark.parametrize(
    ("rate_hz", "state", "reason"), [(1000, "failed", "implausible"), (8000, "transcribing", None)]
)
def test_a_small_file_with_hours_of_sound_fails_unless_a_codec_can_store_it(
    rig: IngestRig, rate_hz: int, state: str, reason: str | None
) -> None:
    silence = np.zeros((1, 2400 * rate_hz), np.float32)
    upload_id = rig.store(encoded(silence, codec="wavpack", container="wv", rate_hz=rate_hz))
    rig.run_until_idle(rig.ingester(limit_samples=samples_of_s(3600), backlog_limit_samples=samples_of_s(3600)))
    upload = rig.upload(upload_id)
    assert (upload.state, upload.reason) == (state, reason)
    assert reason is None or "minutes of sound" in (upload.detail or "")


def test_the_audio_is_the_same_after_the_decoder_was_killed(rig: IngestRig) -> None:
    sound = speech(0, 60)
    upload_id = rig.store(encoded(sound))
    worker = rig.ingester()
    feeding = Feeding(rig.stores, rig._send, upload_id, rig.bounds)
    feeding.step()
    feeding.step()
    assert isinstance(feeding.source, DecoderProcess)
    os.kill(feeding.source.pid, signal.SIGKILL)
    rig.run_until_idle(worker)
    assert rig.state(upload_id) == UploadState.TRANSCRIBING
    assert np.array_equal(rig.audio(upload_id)[0], np.rint(sound[0] * 32768).astype(np.int16))
    feeding.close()


def test_a_file_whose_decoder_always_dies_fails_after_the_limit_of_attempts(rig: IngestRig) -> None:
    """The decoder gets less memory than it needs to start."""
    upload_id = rig.store(encoded(tone(2)))
    tracks = rig.tracks(upload_id)
    for attempt in range(1, ATTEMPTS + 1):
        rig.run_until_idle(rig.ingester(memory_bytes=64 << 20))
        assert rig.upload(upload_id).attempts == attempt
        rig.end_pause(upload_id)
    upload = rig.upload(upload_id)
    assert (upload.state, upload.reason) == (UploadState.FAILED, "decoder_died")
    rig.assert_nothing_left(upload_id, tracks)


def test_after_a_fault_a_file_pauses_and_others_continue(rig: IngestRig) -> None:
    bad, good = rig.store(encoded(tone(2))), rig.store(encoded(tone(3)))
    starved = rig.ingester(memory_bytes=64 << 20)
    starved.turn()
    starved.close()
    rig.end_pause(good)
    rig.run_until_idle()
    assert rig.state(good) == UploadState.TRANSCRIBING
    assert rig.state(bad) == UploadState.DECODING
    assert rig.upload(bad).attempts == 1


def test_a_hanging_decoder_is_ended(rig: IngestRig) -> None:
    """Its file is a pipe to which nobody writes."""
    upload_id = rig.store(encoded(tone(2)))
    path = Path(rig.storage) / upload_id
    path.unlink()
    os.mkfifo(path)
    worker = rig.ingester(step_limit_s=3.0)
    worker.turn()
    assert worker.works == {}
    assert rig.upload(upload_id).attempts == 1
    assert rig.state(upload_id) == UploadState.DECODING


def test_a_file_missing_from_the_storage_fails(rig: IngestRig) -> None:
    upload_id = rig.store(encoded(tone(2)))
    tracks = rig.tracks(upload_id)
    (Path(rig.storage) / upload_id).unlink()
    rig.run_until_idle()
    assert rig.upload(upload_id).reason == "file_missing"
    rig.assert_nothing_left(upload_id, tracks)


def test_damaged_packets_are_skipped_and_counted(rig: IngestRig) -> None:
    data = bytearray(encoded(speech(0, 20), codec="aac", container="matroska"))
    for at in range(len(data) // 2, len(data) // 2 + 10_000, 100):
        data[at] ^= 0xFF
    upload_id = rig.store(bytes(data))
    rig.run_until_idle()
    upload = rig.upload(upload_id)
    assert upload.state == UploadState.TRANSCRIBING
    assert upload.media["skipped_packets"] > 0
    assert (upload.duration_samples or 0) > samples_of_s(10)


def test_a_path_in_the_file_name_has_no_effect(rig: IngestRig) -> None:
    upload_id = rig.store(encoded(tone(2)), name="../../etc/\x1b[31mpasswd\0.wav")
    assert rig.left_on_disk() == [upload_id]
    assert rig.upload(upload_id).name == "[31mpasswd.wav"


@pytest.mark.parametrize("stage", ["queued", "decoding", "transcribing"])
def test_deleting_the_meeting_cancels_its_upload(rig: IngestRig, stage: str) -> None:
    rig.bounds = type(rig.bounds)(samples_of_s(25), rig.bounds.limit_samples, 2 << 30, 60)
    upload_id = rig.store(encoded(tone(20 if stage == "transcribing" else 60)))
    tracks = rig.tracks(upload_id)
    worker = rig.ingester()
    if stage != "queued":
        rig.run_until_idle(worker)
    assert rig.state(upload_id) == stage
    rig.set_meeting(upload_id, MeetingState.DELETED)
    rig.upload_sweeper().run()
    upload = rig.upload(upload_id)
    assert (upload.state, upload.reason) == (UploadState.CANCELLED, "meeting_deleted")
    rig.assert_nothing_left(upload_id, tracks)
    assert not worker.turn()
    assert worker.works == {}


def test_a_failed_upload_whose_worker_died_is_cleaned_up(rig: IngestRig) -> None:
    """The row says failed, but nothing was removed yet."""
    upload_id = rig.store(encoded(tone(2)))
    tracks = rig.tracks(upload_id)
    with rig.database.write() as session:
        session.scalars(select(Upload)).one().state = UploadState.FAILED
        assert session.scalars(select(Meeting)).one().state == MeetingState.LIVE
    rig.upload_sweeper().run()
    rig.assert_nothing_left(upload_id, tracks)
    assert rig.upload(upload_id).file_deleted_at is not None
