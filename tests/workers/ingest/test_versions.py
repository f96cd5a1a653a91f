"""Versions of a meeting are decoded from one file, which is deleted with the last of them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

import numpy as np
import pytest

from schema.core.errors import AudioNotKept
from schema.core.states import MeetingState, UploadState
from schema.core.storage import Files, LocalFiles
from schema.meetings.versions import VersionOptions, add_version
from schema.minutes.briefing import Briefing
from schema.stores import Stores
from schema.uploads.lifecycle import drop_file
from tests.crash import SimulatedCrash
from tests.workers.ingest.files import encoded, tone
from tests.workers.ingest.ingest_rig import IngestRig

AS_BEFORE = VersionOptions(language="en", briefing=Briefing(), asr_adapter=None, summary_adapter=None, speakers=None)


class FilesThatCrashOnDelete(LocalFiles):
    """A folder whose worker dies before it deletes a file."""

    def delete(self, file_id: str) -> None:
        raise SimulatedCrash


class StoresThatCrashOnDelete(Stores):
    @cached_property
    def files(self) -> Files:
        return FilesThatCrashOnDelete(Path(self.storage_url))


def finished(rig: IngestRig, upload_id: str) -> str:
    rig.run_until_idle()
    rig.set_meeting(upload_id, MeetingState.FINISHED)
    rig.upload_sweeper().run()
    assert rig.state(upload_id) == UploadState.FINISHED
    return upload_id


def add_version_of(rig: IngestRig, upload_id: str) -> str:
    with rig.database.write() as session:
        meeting_id = rig.upload(upload_id).meeting_id
        return add_version(session, meeting_id, AS_BEFORE, expires_s=60, open_limit=100).id


@pytest.mark.parametrize("channels", ["mix", "speakers"])
def test_a_version_is_decoded_from_the_file_of_the_first_version(rig: IngestRig, channels: str) -> None:
    first = finished(rig, rig.store(encoded(tone(3, channels=2), layout="stereo"), channels=channels))
    sound = rig.audio(first)
    second = add_version_of(rig, first)
    rig.run_until_idle()
    assert rig.state(second) == UploadState.TRANSCRIBING
    assert [track.name for track in rig.tracks(second)] == [track.name for track in rig.tracks(first)]
    assert np.array_equal(rig.audio(second), sound)
    assert rig.left_on_disk() == [first]


def test_the_file_is_deleted_with_the_last_version(rig: IngestRig) -> None:
    first = finished(rig, rig.store(encoded(tone(3))))
    second = add_version_of(rig, first)
    rig.set_meeting(first, MeetingState.DELETED)
    rig.upload_sweeper().tidy()
    assert rig.upload(first).file_deleted_at is not None
    assert rig.left_on_disk() == [first]
    third = add_version_of(rig, finished(rig, second))
    rig.set_meeting(second, MeetingState.DELETED)
    rig.set_meeting(finished(rig, third), MeetingState.DELETED)
    rig.upload_sweeper().tidy()
    assert rig.left_on_disk() == []


def test_a_file_whose_deletion_crashed_is_deleted_later_and_cannot_be_reprocessed(rig: IngestRig) -> None:
    first = finished(rig, rig.store(encoded(tone(3))))
    with pytest.raises(SimulatedCrash):
        drop_file(StoresThatCrashOnDelete(rig.database, rig.redis, rig.mailbox, rig.storage), first)
    with pytest.raises(AudioNotKept):
        add_version_of(rig, first)
    rig.upload_sweeper().tidy()
    assert rig.left_on_disk() == []
    assert rig.upload(first).file_deleted_at is not None
    assert rig.upload(first).expires_at is None
