"""The check whether a database can be written, which leaves nothing in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import event, make_url, select

from schema.core import migrate
from schema.core.database import Database, check_writable
from schema.core.errors import Unavailable
from schema.meetings.tables import Meeting
from tests.immutable import immutable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    return folder / "minutebook.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    with database.write() as session:
        session.add(Meeting(id="m", owner="local"))
    yield database
    database.close()


def test_the_check_changes_nothing(path: Path, database: Database) -> None:
    wal = path.with_name("minutebook.db-wal")
    before = (path.read_bytes(), wal.read_bytes(), sorted(path.parent.iterdir()))
    check_writable(database)
    assert (path.read_bytes(), wal.read_bytes(), sorted(path.parent.iterdir())) == before
    with database.read() as session:
        assert session.scalars(select(Meeting.id)).all() == ["m"]


@pytest.mark.parametrize("part", [lambda path: path, lambda path: path.parent], ids=["file", "folder"])
def test_a_file_or_folder_that_became_read_only_is_reported_by_name(
    path: Path, database: Database, part: Callable[[Path], Path]
) -> None:
    with immutable(part(path)), pytest.raises(Unavailable) as refused:
        check_writable(database)
    assert f"{part(path)} is read-only, and the database must write it" in str(refused.value)
    check_writable(database)


@pytest.mark.parametrize("end", ["", "-wal", "-shm"])
def test_a_write_is_refused_once_one_of_the_files_is_read_only(path: Path, database: Database, end: str) -> None:
    file = path.with_name(path.name + end)
    with (
        immutable(file),
        pytest.raises(Unavailable, match=f"{re.escape(str(file))} has become read-only; make it"),
        database.write() as session,
    ):
        session.add(Meeting(id="lost", owner="local"))
    with database.write() as session:
        session.add(Meeting(id="kept", owner="local"))
    with database.read() as session:
        assert set(session.scalars(select(Meeting.id))) == {"m", "kept"}


def test_a_database_opened_read_only_can_be_written_once_its_file_can(path: Path, database: Database) -> None:
    database.close()
    again = Database(str(database.url))
    with immutable(path):
        assert migrate.current(again) == migrate.head()
        with pytest.raises(Unavailable, match="read-only"), again.write() as session:
            session.add(Meeting(id="lost", owner="local"))
    with again.write() as session:
        session.add(Meeting(id="kept", owner="local"))
    check_writable(again)
    again.close()


def test_a_query_only_connection_is_reported(database: Database) -> None:
    reader = Database(str(database.url))
    event.listen(reader.engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only=ON"))
    with pytest.raises(Unavailable, match="read-only; give this user the right"):
        check_writable(reader)
    reader.close()


def test_a_read_only_postgresql_is_reported(postgres_url: str) -> None:
    database = Database(postgres_url)
    if migrate.current(database) is None:
        migrate.upgrade(database)
    check_writable(database)
    reads = make_url(postgres_url).update_query_dict({"options": "-cdefault_transaction_read_only=on"})
    reader = Database(reads.render_as_string(hide_password=False))
    with pytest.raises(Unavailable, match=r"read-only; .* name the primary server"):
        check_writable(reader)
    reader.close()
    database.close()
