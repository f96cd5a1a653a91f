"""Files that lie in S3: decoded from there, waited for while it is away, and nothing left of them."""

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
from tests.workers.ingest.desk import Desk
from tests.workers.ingest.files import encoded, speech, tone


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    with s3_server(monkeypatch) as server:
        yield server


@pytest.fixture
def far(desk: Desk, s3: S3) -> Desk:
    return replace(desk, storage=s3.url)


def test_a_film_is_decoded_from_there(far: Desk) -> None:
    upload_id = far.store(encoded(tone(5, 48_000), codec="aac", container="mp4", rate_hz=48_000, video=True))
    far.work()
    assert far.state(upload_id) == UploadState.TRANSCRIBING
    assert far.sound(upload_id).shape[1] > 16_000 * 4.9


def test_a_storage_that_is_away_is_waited_for(far: Desk, s3: S3) -> None:
    sound = speech(0, 5)
    upload_id = far.store(encoded(sound))
    s3.stop()
    far.work()
    assert (far.state(upload_id), far.upload(upload_id).attempts) == (UploadState.DECODING, 1)
    s3.start()
    far.rested(upload_id)
    far.work()
    assert far.state(upload_id) == UploadState.TRANSCRIBING
    assert np.array_equal(far.sound(upload_id)[0], np.rint(sound[0] * 32768).astype(np.int16))


def test_a_file_that_could_not_be_deleted_is_deleted_later(far: Desk, s3: S3) -> None:
    upload_id = far.store(encoded(tone(1)))
    s3.stop()
    far.set_meeting(upload_id, MeetingState.DELETED)
    far.upload_sweeper().run()
    assert far.state(upload_id) == UploadState.CANCELLED
    assert far.upload(upload_id).file_deleted_at is None
    s3.start()
    far.upload_sweeper().run()
    assert far.upload(upload_id).file_deleted_at is not None
    s3fs.S3FileSystem.clear_instance_cache()
    assert s3fs.S3FileSystem().find(BUCKET) == []


def test_giving_up_half_a_file_removes_its_pieces(far: Desk) -> None:
    upload_id = far.store(b"x" * 100)
    other = "0" * 24
    far.files.append(other, 0, b"half")
    open_files(far.storage).delete(other)
    give_up(
        far.stores,
        upload_id,
        UploadState.CANCELLED,
        reason=UploadFailure.CANCELLED,
        detail="test",
    )
    s3fs.S3FileSystem.clear_instance_cache()
    assert s3fs.S3FileSystem().find(BUCKET) == []
