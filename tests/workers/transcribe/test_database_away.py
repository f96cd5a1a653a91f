"""A database that cannot be written costs time and no audio."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from sqlalchemy import event

from schema.core.database import Database
from schema.core.errors import Unavailable
from tests.workers.spoken import assert_all_there
from tests.workers.studio import PACE, Audio, Studio


@pytest.fixture
def impatient(database: Database) -> Iterator[Database]:
    """The same database, for a worker that does not wait long for a lock."""
    opened = Database(str(database.url))
    event.listen(opened.engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout=20"))
    yield opened
    opened.close()


def test_a_database_that_is_locked_for_long_costs_time_and_no_audio(
    studio: Studio, speech: Audio, impatient: Database
) -> None:
    studio.speak(studio.open_meeting(), speech)
    studio.finish()
    worker = studio.worker(database=impatient)
    with closing(sqlite3.connect(str(studio.database.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(PACE.attempts_limit + 2):
            with pytest.raises(Unavailable, match="locked"):
                worker.step(0)
            assert studio.mailbox.status("m-main").due_in_ms is not None
            studio.pass_time(2000)
    studio.work(worker)
    assert_all_there(studio)
    assert studio.failures() == []


def test_a_database_that_cannot_be_written_costs_time_and_no_audio(
    studio: Studio, speech: Audio, database: Database
) -> None:
    studio.speak(studio.open_meeting(), speech)
    studio.finish()
    read_only = Database(str(database.url))
    event.listen(read_only.engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only=ON"))
    for _ in range(PACE.attempts_limit + 2):
        with pytest.raises(Unavailable, match="read-only"):
            studio.worker(database=read_only).step(0)
        studio.pass_time(2000)
    read_only.close()
    studio.work()
    assert_all_there(studio)
    assert studio.failures() == []
