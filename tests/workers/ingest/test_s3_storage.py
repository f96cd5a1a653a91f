"""Files in S3: decoded from there, waited for while S3 is unavailable, and deleted completely."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import s3fs  # type: ignore[import-untyped]

from schema.core.states import MeetingState, UploadState
from schema.core.storage import open_files
from schema.uploads.failures import UploadFailure
from schema.uploads.lifecycle import give_up
from tests.s3 import BUCKET, S3, s3_server
from tests.workers.ingest.files import encoded, speech, tone
from tests.workers.ingest.ingest_rig import IngestRig


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    with s3_server(monkeypatch) as server:
        yield server


@pytest.fixture
def s3_rig(rig: IngestRig, s3: S3) -> IngestRig:
    return replace(rig, storage=s3.url)


def test_a_video_is_decoded_from_s3(s3_rig: IngestRig) -> None:
    upload_id = s3_rig.store(encoded(tone(5, 48_000), codec="aac", container="mp4", rate_hz=48_000, video=True))
    s3_rig.run_until_idle()
    assert s3_rig.state(upload_id) == UploadState.TRANSCRIBING
    assert s3_rig.audio(upload_id).shape[1] > 16_000 * 4.9


def test_decoding_waits_for_an_unavailable_storage(s3_rig: IngestRig, s3: S3) -> None:
    sound = speech(0, 5)
    upload_id = s3_rig.store(encoded(sound))
    s3.stop()
    s3_rig.run_until_idle()
    assert (s3_rig.state(upload_id), s3_rig.upload(upload_id).attempts) == (UploadState.DECODING, 1)
    s3.start()
    s3_rig.end_pause(upload_id)
    s3_rig.run_until_idle()
    assert s3_rig.state(upload_id) == UploadState.TRANSCRIBING
    assert np.array_equal(s3_rig.audio(upload_id)[0], np.rint(sound[0] * 32768).astype(np.int16))


def test_a_file_that_cannot_be_deleted_is_deleted_later(s3_rig: IngestRig, s3: S3) -> None:
    upload_id = s3_rig.store(encoded(tone(1)))
    s3.stop()
    s3_rig.set_meeting(upload_id, MeetingState.DELETED)
    s3_rig.upload_sweeper().run()
    assert s3_rig.state(upload_id) == UploadState.CANCELLED
    assert s3_rig.upload(upload_id).file_deleted_at is None
    s3.start()
    s3_rig.upload_sweeper().run()
    assert s3_rig.upload(upload_id).file_deleted_at is not None
    s3fs.S3FileSystem.clear_instance_cache()
    assert s3fs.S3FileSystem().find(BUCKET) == []


def test_giving_up_a_partial_file_removes_its_parts(s3_rig: IngestRig) -> None:
    upload_id = s3_rig.store(b"x" * 100)
    other = "0" * 24
    s3_rig.files.append(other, 0, b"half")
    open_files(s3_rig.storage).delete(other)
    give_up(
        s3_rig.stores,
        upload_id,
        UploadState.CANCELLED,
        reason=UploadFailure.CANCELLED,
        detail="test",
    )
    s3fs.S3FileSystem.clear_instance_cache()
    assert s3fs.S3FileSystem().find(BUCKET) == []
