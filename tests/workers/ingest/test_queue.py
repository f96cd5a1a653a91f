"""The order of decoding: by priority, in turn between owners, and within the number of places."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import update

from schema.core import migrate
from schema.core.database import Database
from schema.core.states import UploadState
from schema.uploads.lifecycle import add_upload
from schema.uploads.queue import EXPRESS_BYTES, uploads_to_decode
from schema.uploads.tables import Upload
from schema.uploads.wire import NewUpload
from tests.servers import fresh_postgres
from tests.workers.ingest.files import encoded, tone
from tests.workers.ingest.ingest_rig import IngestRig

PLACES = 4


class NamedUploads:
    """Uploads that tests refer to by name."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.names: dict[str, str] = {}

    def add(self, name: str, owner: str, **wanted: int) -> None:
        with self.database.write() as session:
            upload = add_upload(
                session,
                owner=owner,
                name=name,
                new=NewUpload.model_validate(wanted),
                size_bytes=1,
                expires_s=60,
                open_limit=1000,
            )
        self.names[upload.id] = name
        self.set(name, state=UploadState.QUEUED)

    def set(self, name: str, **values: object) -> None:
        with self.database.write() as session:
            session.execute(update(Upload).where(Upload.name == name).values(values))

    def next(self, places: int = PLACES) -> list[str]:
        with self.database.read() as session:
            return [self.names[upload_id] for upload_id in uploads_to_decode(session, places)]


@pytest.fixture(params=["sqlite", "postgresql"])
def queue(request: pytest.FixtureRequest, database: Database) -> Iterator[NamedUploads]:
    if request.param == "sqlite":
        yield NamedUploads(database)
        return
    postgres = Database(fresh_postgres(request.getfixturevalue("postgres_url"), "upload_queue"))
    migrate.upgrade(postgres)
    yield NamedUploads(postgres)
    postgres.close()


def test_one_owner_leaves_a_place_for_others(queue: NamedUploads) -> None:
    for number in range(10):
        queue.add(f"a{number}", "a")
    assert queue.next() == ["a0", "a1", "a2"]


def test_ten_files_of_one_owner_do_not_delay_the_file_of_another(queue: NamedUploads) -> None:
    for number in range(10):
        queue.add(f"a{number}", "a")
    for number in range(3):
        queue.set(f"a{number}", state=UploadState.TRANSCRIBING)
    queue.add("b0", "b")
    assert queue.next() == ["b0"]


def test_the_first_file_of_every_owner_goes_before_any_second_file(queue: NamedUploads) -> None:
    for owner in "abc":
        for number in range(3):
            queue.add(f"{owner}{number}", owner)
    assert queue.next(6) == ["a0", "b0", "c0", "a1", "b1", "c1"]


def test_a_file_in_decoding_may_lose_its_place_and_a_decoded_one_may_not(queue: NamedUploads) -> None:
    for number in range(3):
        queue.add(f"a{number}", "a")
        queue.set(f"a{number}", state=UploadState.DECODING)
    queue.add("b0", "b")
    queue.add("c0", "c")
    assert queue.next() == ["a0", "b0", "c0", "a1"]
    queue.set("a2", state=UploadState.TRANSCRIBING)
    assert queue.next() == ["b0", "c0", "a0"]


def test_priority_goes_before_age_and_owner(queue: NamedUploads) -> None:
    queue.add("a0", "a")
    queue.add("a1", "a", priority=5)
    queue.add("b0", "b", priority=-5)
    assert queue.next() == ["a1", "a0", "b0"]


def test_the_place_of_a_paused_file_goes_to_the_next(queue: NamedUploads) -> None:
    queue.add("a0", "a")
    queue.add("a1", "a")
    queue.set("a0", paused=True)
    assert queue.next() == ["a1"]
    queue.set("a0", paused=False)
    assert queue.next() == ["a0", "a1"]


def test_no_file_is_chosen_while_all_places_are_taken(queue: NamedUploads) -> None:
    for owner in "abcd":
        queue.add(f"{owner}0", owner)
        queue.set(f"{owner}0", state=UploadState.TRANSCRIBING, paused=True)
    queue.add("e0", "e")
    assert queue.next() == []


def test_incomplete_and_ended_uploads_are_not_chosen(queue: NamedUploads) -> None:
    for state in (UploadState.RECEIVING, UploadState.FINISHED, UploadState.FAILED, UploadState.CANCELLED):
        queue.add(state, "a")
        queue.set(state, state=state)
    assert queue.next() == []


def test_small_files_that_somebody_waits_for_do_not_wait_for_places(queue: NamedUploads) -> None:
    for number in range(3):
        queue.add(f"long{number}", "a", priority=5)
        queue.set(f"long{number}", state=UploadState.TRANSCRIBING, size_bytes=EXPRESS_BYTES + 1)
    queue.add("long3", "a", priority=5)
    queue.set("long3", size_bytes=EXPRESS_BYTES + 1)
    queue.add("usual", "a")
    assert queue.next() == []
    for size_bytes in (3000, 1000, 2000):
        queue.add(f"short{size_bytes}", "a", priority=5)
        queue.set(f"short{size_bytes}", size_bytes=size_bytes)
    assert queue.next() == ["short1000", "short2000"]
    queue.add("other", "b", priority=5)
    queue.set("other", size_bytes=4000)
    assert queue.next()[:2] == ["short1000", "other"]


def test_pausing_stops_the_decoder_and_resuming_continues_it(rig: IngestRig) -> None:
    upload_id = rig.store(encoded(tone(300)))
    worker = rig.ingester()
    worker.turn()
    assert list(worker.works) == [upload_id]
    with rig.database.write() as session:
        session.get_one(Upload, upload_id).paused = True
    assert not worker.turn()
    assert worker.works == {}
    with rig.database.write() as session:
        session.get_one(Upload, upload_id).paused = False
    worker.turn()
    assert list(worker.works) == [upload_id]
    worker.close()


def test_a_short_file_that_somebody_waits_for_does_not_wait_for_the_end_of_a_turn(rig: IngestRig) -> None:
    long = [rig.store(encoded(tone(300)), name=f"long{number}") for number in range(2)]
    short = list[str]()

    def send(_task: str, _arguments: list[str]) -> bool:
        """Called when the first file has enough sound for transcription: in the middle of its turn."""
        if not short:
            short.append(rig.store(encoded(tone(5)), name="short", priority=5))
        return True

    worker = rig.ingester(send=send)
    worker.turn()
    assert rig.upload(long[0]).decoded_sample > 0
    assert rig.upload(long[1]).decoded_sample == 0
    worker.turn()
    assert rig.state(short[0]) == UploadState.TRANSCRIBING
    rig.run_until_idle(worker)
    assert all(rig.upload(each).decoded_sample > 0 for each in long)
    worker.close()
