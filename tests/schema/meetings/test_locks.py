"""Locks in PostgreSQL are always taken in the same order, so that there are no deadlocks."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis
from sqlalchemy import select, text, update

from schema.core import migrate
from schema.core.database import Database
from schema.core.errors import Unavailable
from schema.corrections.segments import rename_speaker
from schema.mailbox import Mailbox
from schema.meetings.lifecycle import delete_meeting
from schema.meetings.tables import Coverage, Meeting, Segment, Track
from schema.stores import Stores
from tests.waiting import wait_until

WAITING = text("SELECT count(*) FROM pg_locks WHERE NOT granted")


@pytest.fixture
def database(postgres_url: str) -> Iterator[Database]:
    database = Database(postgres_url)
    if migrate.current(database):
        migrate.downgrade(database, "base")
    yield database
    database.close()


def wait_for_blocked_transaction(database: Database) -> None:
    def count() -> int:
        with database.read() as session:
            return session.scalar(WAITING) or 0

    wait_until("a transaction waits for a lock", count)


def test_a_meeting_can_be_deleted_while_a_worker_commits(database: Database, redis_client: Redis) -> None:
    migrate.upgrade(database)
    with database.write() as session:
        session.add(Meeting(id="m", owner="local"))
        session.flush()
        session.add(Track(id="t", meeting_id="m", name="main"))
        session.flush()
        session.add(Coverage(track_id="t", first_sample=0, end_sample=1, kind="silent"))
    stores = Stores(database, redis_client, Mailbox(redis_client), storage_url="")
    with ThreadPoolExecutor(1) as other:
        with database.write() as session:  # in the order of a worker's commit
            session.execute(update(Track).values(committed_sample=2))
            session.execute(update(Coverage).values(end_sample=2))
            deleting = other.submit(delete_meeting, stores, "m")
            wait_for_blocked_transaction(database)
            session.execute(update(Meeting).values(seq=1))
        deleting.result()
    with database.read() as session:
        assert session.get_one(Meeting, "m").state == "deleted"
        assert session.get(Track, "t") is None


def test_a_speaker_can_be_renamed_while_a_worker_commits_to_the_same_segment(database: Database) -> None:
    migrate.upgrade(database)
    with database.write() as session:
        session.add(Meeting(id="m", owner="local"))
        session.flush()
        session.add(Track(id="t", meeting_id="m", name="main", speaker="Channel 1"))
        session.flush()
        span = {"first_sample": 0, "end_sample": 1, "words": [], "model": "tiny.en"}
        session.add(Segment(meeting_id="m", track_id="t", seq=0, speaker="Channel 1", text="We", **span))

    def rename() -> None:
        with database.write() as session:
            rename_speaker(session, "m", "Channel 1", "Priya", None, "local")

    with ThreadPoolExecutor(1) as other:
        with database.write() as session:  # in the order of a worker's commit
            session.execute(update(Track).values(committed_sample=2))
            session.execute(update(Segment).values(text="We move", closed=True))
            renaming = other.submit(rename)
            wait_for_blocked_transaction(database)
            session.execute(update(Meeting).values(seq=1))
        renaming.result()
    with database.read() as session:
        segment = session.scalars(select(Segment)).one()
        assert (segment.text, segment.speaker, segment.version) == ("We move", "Priya", 2)
        assert session.get_one(Track, "t").speaker == "Priya"


def test_a_postgresql_without_tables_is_reported_with_the_command_that_creates_them(database: Database) -> None:
    with pytest.raises(Unavailable, match="minutebook db upgrade"), database.read() as session:
        session.get(Meeting, "m")


def test_a_read_only_transaction_is_reported_as_unavailable(database: Database) -> None:
    migrate.upgrade(database)

    def write() -> None:
        with database.write() as session:
            session.execute(text("SET TRANSACTION READ ONLY"))
            session.add(Meeting(id="m", owner="local"))

    with pytest.raises(Unavailable, match="read-only"):
        write()
