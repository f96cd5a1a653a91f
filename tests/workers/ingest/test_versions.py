"""Versions of a meeting: each decoded from the one file, which goes with the last of them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import pytest

from schema.core.errors import AudioNotKept
from schema.core.states import MeetingState, UploadState
from schema.core.storage import Files, LocalFiles
from schema.meetings.versions import VersionOptions, add_version
from schema.stores import Stores
from schema.uploads.lifecycle import drop_file
from tests.workers.ingest.desk import Desk
from tests.workers.ingest.files import encoded, tone

AS_BEFORE = VersionOptions(language="en", vocabulary=[], asr_adapter=None, summary_adapter=None)


class Gone(BaseException):
    """The worker is."""


class Dying(LocalFiles):
    """A folder over which its worker dies when it is about to delete something."""

    def delete(self, file_id: str) -> None:
        raise Gone


class DyingStores(Stores):
    @cached_property
    def files(self) -> Files:
        return Dying(Path(self.storage_url))


def finished(desk: Desk, upload_id: str) -> str:
    desk.work()
    desk.set_meeting(upload_id, MeetingState.FINISHED)
    desk.upload_sweeper().run()
    assert desk.state(upload_id) == UploadState.FINISHED
    return upload_id


def read_again(desk: Desk, upload_id: str) -> str:
    with desk.database.write() as session:
        meeting_id = desk.upload(upload_id).meeting_id
        return add_version(session, meeting_id, AS_BEFORE, expires_s=60, open_limit=100).id


@pytest.mark.parametrize("channels", ["mix", "speakers"])
def test_a_version_is_decoded_from_the_file_of_the_first(desk: Desk, channels: str) -> None:
    first = finished(desk, desk.store(encoded(tone(3, channels=2), layout="stereo"), channels=channels))
    sound = desk.sound(first)
    second = read_again(desk, first)
    desk.work()
    assert desk.state(second) == UploadState.TRANSCRIBING
    assert [track.name for track in desk.tracks(second)] == [track.name for track in desk.tracks(first)]
    assert np.array_equal(desk.sound(second), sound)
    assert desk.left_on_disk() == [first]


def test_the_file_goes_with_the_last_version_that_is_deleted(desk: Desk) -> None:
    first = finished(desk, desk.store(encoded(tone(3))))
    second = read_again(desk, first)
    desk.set_meeting(first, MeetingState.DELETED)
    desk.upload_sweeper().tidy()
    assert desk.upload(first).file_deleted_at is not None
    assert desk.left_on_disk() == [first]
    third = read_again(desk, finished(desk, second))
    desk.set_meeting(second, MeetingState.DELETED)
    desk.set_meeting(finished(desk, third), MeetingState.DELETED)
    desk.upload_sweeper().tidy()
    assert desk.left_on_disk() == []


def test_a_worker_that_dies_over_a_file_is_made_up_for_and_no_version_begins_meanwhile(desk: Desk) -> None:
    first = finished(desk, desk.store(encoded(tone(3))))
    with pytest.raises(Gone):
        drop_file(DyingStores(desk.database, desk.redis, desk.mailbox, desk.storage), first)
    with pytest.raises(AudioNotKept):
        read_again(desk, first)
    desk.upload_sweeper().tidy()
    assert desk.left_on_disk() == []
    assert desk.upload(first).file_deleted_at is not None
    assert desk.upload(first).expires_at is None
