"""Who is next: by priority, in turn between owners, and only as many as there are places."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import update

from schema.core import migrate
from schema.core.database import Database
from schema.core.states import UploadState
from schema.uploads.lifecycle import add_upload
from schema.uploads.queue import uploads_to_decode
from schema.uploads.tables import Upload
from schema.uploads.wire import NewUpload
from tests.databases import fresh_postgres
from tests.workers.ingest.desk import Desk
from tests.workers.ingest.files import encoded, tone

PLACES = 4


class Queue:
    """Uploads by name."""

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
def queue(request: pytest.FixtureRequest, database: Database) -> Iterator[Queue]:
    if request.param == "sqlite":
        yield Queue(database)
        return
    postgres = Database(fresh_postgres(request.getfixturevalue("postgres_url"), "upload_queue"))
    migrate.upgrade(postgres)
    yield Queue(postgres)
    postgres.close()


def test_one_owner_leaves_a_place_for_others(queue: Queue) -> None:
    for number in range(10):
        queue.add(f"a{number}", "a")
    assert queue.next() == ["a0", "a1", "a2"]


def test_ten_files_of_one_user_do_not_delay_the_one_of_another(queue: Queue) -> None:
    for number in range(10):
        queue.add(f"a{number}", "a")
    for number in range(3):
        queue.set(f"a{number}", state=UploadState.TRANSCRIBING)
    queue.add("b0", "b")
    assert queue.next() == ["b0"]


def test_every_owners_first_goes_before_anybodys_second(queue: Queue) -> None:
    for owner in "abc":
        for number in range(3):
            queue.add(f"{owner}{number}", owner)
    assert queue.next(6) == ["a0", "b0", "c0", "a1", "b1", "c1"]


def test_a_file_that_is_being_decoded_gives_way_and_one_that_is_whole_does_not(queue: Queue) -> None:
    for number in range(3):
        queue.add(f"a{number}", "a")
        queue.set(f"a{number}", state=UploadState.DECODING)
    queue.add("b0", "b")
    queue.add("c0", "c")
    assert queue.next() == ["a0", "b0", "c0", "a1"]
    queue.set("a2", state=UploadState.TRANSCRIBING)
    assert queue.next() == ["b0", "c0", "a0"]


def test_priority_goes_before_age_and_turn(queue: Queue) -> None:
    queue.add("a0", "a")
    queue.add("a1", "a", priority=5)
    queue.add("b0", "b", priority=-5)
    assert queue.next() == ["a1", "a0", "b0"]


def test_a_paused_file_waits_and_its_place_is_given_on(queue: Queue) -> None:
    queue.add("a0", "a")
    queue.add("a1", "a")
    queue.set("a0", paused=True)
    assert queue.next() == ["a1"]
    queue.set("a0", paused=False)
    assert queue.next() == ["a0", "a1"]


def test_a_full_house_takes_nobody(queue: Queue) -> None:
    for owner in "abcd":
        queue.add(f"{owner}0", owner)
        queue.set(f"{owner}0", state=UploadState.TRANSCRIBING, paused=True)
    queue.add("e0", "e")
    assert queue.next() == []


def test_what_has_ended_or_is_not_there_yet_is_not_taken(queue: Queue) -> None:
    for state in (UploadState.RECEIVING, UploadState.FINISHED, UploadState.FAILED, UploadState.CANCELLED):
        queue.add(state, "a")
        queue.set(state, state=state)
    assert queue.next() == []


def test_a_pause_stops_the_decoder_and_going_on_continues_it(desk: Desk) -> None:
    upload_id = desk.store(encoded(tone(300)))
    worker = desk.ingester()
    worker.turn()
    assert list(worker.works) == [upload_id]
    with desk.database.write() as session:
        session.get_one(Upload, upload_id).paused = True
    assert not worker.turn()
    assert worker.works == {}
    with desk.database.write() as session:
        session.get_one(Upload, upload_id).paused = False
    worker.turn()
    assert list(worker.works) == [upload_id]
    worker.close()
