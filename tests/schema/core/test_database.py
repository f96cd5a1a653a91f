"""A database that cannot be written is reported with cause and remedy, and keeps what was committed."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session

from schema.core import database as module
from schema.core import migrate
from schema.core.database import Database
from schema.core.errors import InvalidInput, Unavailable
from schema.meetings.tables import Meeting
from tests.immutable import immutable
from tests.servers import fresh_postgres


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "minutebook.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    database = Database(f"sqlite:///{path}")
    migrate.upgrade(database)
    with database.write() as session:
        session.add(Meeting(id="before", owner="local"))
    yield database
    database.close()


def meetings(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(Meeting.id)))


def test_a_database_of_another_kind_is_refused_without_its_password() -> None:
    with pytest.raises(InvalidInput, match="names 'mysql'; use sqlite or postgresql") as refused:
        Database("mysql://me:secret@host/name")
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("mysql+mysqldb://me:secret@host/name", "names 'mysql\\+mysqldb'; use sqlite or postgresql"),
        ("postgresql+psycopg2://me:secret@host/name", "names 'postgresql\\+psycopg2'; use sqlite or postgresql"),
        ("sqlite+aiosqlite:///file.db", "names 'sqlite\\+aiosqlite'; use sqlite or postgresql"),
        ("postgresql://me:secret@host:port/name", "for 'host:port/name' is not a database URL; write sqlite"),
        ("minutes.db", "for 'minutes.db' is not a database URL; write sqlite"),
    ],
)
def test_a_url_without_an_installed_driver_is_refused_without_its_password(url: str, named: str) -> None:
    with pytest.raises(InvalidInput, match=f"MINUTEBOOK_DATABASE_URL {named}") as refused:
        Database(url)
    assert "secret" not in str(refused.value)


def test_a_folder_that_cannot_be_created_is_reported_with_the_remedy(path: Path) -> None:
    path.write_text("not a folder")
    with pytest.raises(Unavailable, match=f"{path} for the database cannot be created .*MINUTEBOOK_DATA_DIR"):
        Database(f"sqlite:///{path}/minutebook.db")


def test_a_write_to_a_full_disk_is_refused_and_changes_nothing(database: Database) -> None:
    def limit(connection: sqlite3.Connection, _record: object, _proxy: object) -> None:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")

    event.listen(database.engine, "checkout", limit)
    with pytest.raises(Unavailable, match="no space left"), database.write() as session:
        session.add_all(Meeting(id=f"m{i}", owner="local", vocabulary=["x" * 50] * 100) for i in range(20))
    assert meetings(database) == ["before"]


def test_a_read_only_database_can_be_read_and_writes_are_refused_with_the_remedy(
    path: Path, database: Database
) -> None:
    reader = Database(f"sqlite:///file:{path}?mode=ro&uri=true")
    assert meetings(reader) == ["before"]
    with pytest.raises(Unavailable, match="read-only; give this user the right"), reader.write() as session:
        session.add(Meeting(id="m", owner="local"))
    reader.close()


def test_a_write_to_a_locked_database_fails_after_the_wait(
    path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_WAIT_S", 0.05)
    second = Database(f"sqlite:///{path}")
    with database.write() as session:
        session.add(Meeting(id="first", owner="local"))
        session.flush()
        with pytest.raises(Unavailable, match="was locked"), second.write():
            pass
    assert meetings(second) == ["before", "first"]
    second.close()


@pytest.fixture
def on_postgresql(postgres_url: str) -> Iterator[tuple[Database, Database]]:
    """A database on PostgreSQL as two processes see it. It has the meeting `shared`."""
    url = fresh_postgres(postgres_url, "database_tests")
    first, second = Database(url), Database(url)
    migrate.upgrade(first)
    with first.write() as session:
        session.add(Meeting(id="shared", owner="local"))
    yield first, second
    first.close()
    second.close()


def retitle(session: Session, title: str) -> None:
    session.execute(update(Meeting).where(Meeting.id == "shared").values(title=title))


def stop_while_another_writes(stopped: Session, other: Database) -> None:
    retitle(stopped, "of the stopped one")
    with other.write() as session:  # waits until the server has ended the first transaction
        retitle(session, "of the other one")
    retitle(stopped, "once more")


def test_a_process_that_stops_while_it_writes_to_postgresql_does_not_keep_others_from_writing(
    on_postgresql: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_LIMIT_S", 1)
    stopped, other = on_postgresql
    with pytest.raises(Unavailable), stopped.write() as kept:
        stop_while_another_writes(kept, other)
    with stopped.read() as session:
        assert session.get_one(Meeting, "shared").title == "of the other one"


def test_a_write_that_waits_for_a_lock_of_postgresql_fails_after_the_wait(
    on_postgresql: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_WAIT_S", 1)
    first, second = on_postgresql
    second.engine.dispose()
    with first.write() as session:
        retitle(session, "first")
        with pytest.raises(Unavailable, match="was locked"), second.write() as late:
            retitle(late, "second")
    with second.read() as session:
        assert session.get_one(Meeting, "shared").title == "first"


def write_and_stop(database: Database) -> None:
    with database.write() as session:
        session.add(Meeting(id="m", owner="local"))
        session.flush()
        raise RuntimeError("stop")


def test_an_error_inside_the_block_writes_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError, match="stop"):
        write_and_stop(database)
    assert meetings(database) == ["before"]


def test_a_writer_does_not_block_a_reader(path: Path, database: Database) -> None:
    with database.write() as session:
        session.add(Meeting(id="m", owner="local"))
        session.flush()
        assert meetings(database) == ["before"]
    assert meetings(database) == ["before", "m"]


HELD_OPEN = """
import sys
from schema.core.database import Database
from schema.core.errors import Unavailable
from schema.meetings.tables import Meeting
database = Database(sys.argv[1])
def write(name):
    with database.write() as session:
        session.add(Meeting(id=name, owner="local"))
def read():
    with database.read() as session:
        session.get(Meeting, "before")
write("writable")
for step in (lambda: write("lost"), read, lambda: write("again")):
    print("next", flush=True)
    input()
    try:
        step()
    except Unavailable as error:
        print(error, flush=True)
    else:
        print("done", flush=True)
"""


BRIEF_WRITER = """
import sys
from schema.core.database import Database
from schema.meetings.tables import Meeting

database = Database(sys.argv[1])
with database.write() as session:
    session.add(Meeting(id=sys.argv[2], owner="local"))
database.close()
"""


def test_a_process_that_writes_and_ends_leaves_the_log_of_the_others(path: Path, database: Database) -> None:
    with database.read() as one, database.read() as another:  # a second connection must not cost the first its locks
        assert one.scalars(select(Meeting.id)).all() == another.scalars(select(Meeting.id)).all()
    log = path.with_name(f"{path.name}-wal").stat().st_ino
    for name in ("second", "fourth"):
        subprocess.run([sys.executable, "-c", BRIEF_WRITER, str(database.url), name], check=True)
        assert path.with_name(f"{path.name}-wal").stat().st_ino == log
        if name == "second":
            with database.write() as session:
                session.add(Meeting(id="third", owner="local"))
    assert sorted(meetings(database)) == ["before", "fourth", "second", "third"]


def test_a_process_reports_open_files_that_became_read_only(path: Path, database: Database) -> None:
    """Runs in a process of its own, which the kernel would end with SIGBUS if the files were not checked first."""
    command = [sys.executable, "-c", HELD_OPEN, str(database.url)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        lines = []
        for read_only in (True, True, False):
            assert holder.stdout.readline() == "next\n"
            with immutable(path.with_name("minutebook.db-shm")) if read_only else nullcontext():
                print(file=holder.stdin, flush=True)
                lines.append(holder.stdout.readline())
    assert holder.returncode == 0
    assert all(
        "minutebook.db-shm has become read-only; make it and its folder writable again" in each for each in lines[:2]
    )
    assert lines[2] == "done\n"
    assert meetings(database) == ["again", "before", "writable"]
