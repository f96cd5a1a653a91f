"""Sessions on SQLite or PostgreSQL. Reading and writing are told apart, since SQLite has one writer at a time."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, delete, event, false, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from schema.core.errors import InvalidInput, Unavailable
from schema.core.tables import ApiKey

BACKENDS = ("sqlite", "postgresql")
DRIVERS = (*BACKENDS, "sqlite+pysqlite", "postgresql+psycopg")
"""Others may not be installed, and were never tried."""
LOCK_WAIT_S = 20
WRITABLE = "minutebook.writable"
"""Where a connection that may write notes the path of SQLite's file."""
MAPPED = "-shm"
BESIDE = ("", "-wal", MAPPED)
"""SQLite's file, and those that it keeps beside it while it is open, of which it maps one into memory."""
MENDABLE = frozenset({"25006", "42P01"})
"""PostgreSQL's codes for a read-only server and for a table that is missing; its driver counts both as our mistake."""


class Database:
    """An engine and its two kinds of session.

    `read()` sees one snapshot. `write()` is one transaction: committed at the end of the block, rolled back when it
    raises. Both raise Unavailable when the database cannot be reached, is read-only, full or locked for too long.
    """

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self.engine = _engine(self.url)

    @contextmanager
    def read(self) -> Iterator[Session]:
        with _translated(self.url), Session(self.engine, expire_on_commit=False) as session:
            if self.url.get_backend_name() != "sqlite":  # where a transaction that reads is a snapshot anyway
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        with _translated(self.url), Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.connection(execution_options={"writes": True})
            yield session

    def close(self) -> None:
        self.engine.dispose()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        place = url.rpartition("@")[2].partition("?")[0]  # without user, password and options
        raise InvalidInput(
            f"MINUTEBOOK_DATABASE_URL for '{place}' is not a database URL; "
            "write sqlite:////path/file.db or postgresql://user:password@host:5432/name"
        ) from error
    if parsed.drivername not in DRIVERS:
        raise InvalidInput(f"MINUTEBOOK_DATABASE_URL names '{parsed.drivername}'; use {' or '.join(BACKENDS)}")
    if parsed.drivername == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    return parsed


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, pool_size=5, max_overflow=15)
    if url.database and not url.database.startswith("file:"):
        _make_folder(Path(url.database).parent)
    # The driver's own transaction handling begins too late for a writer, so it is turned off and BEGIN is said here.
    engine = create_engine(url, connect_args={"timeout": LOCK_WAIT_S, "isolation_level": None})
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "handle_error", _drop_read_only)
    return engine


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"the folder {folder} for the database cannot be made ({error.strerror}); give this user the right to, "
            "or name another with MINUTEBOOK_DATA_DIR or MINUTEBOOK_DATABASE_URL"
        ) from error


def _configure_sqlite(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    # FULL: a commit that was answered survives a power cut, since the audio is trimmed from Redis right after it.
    cursor.execute("PRAGMA synchronous=FULL")
    try:
        cursor.execute("PRAGMA journal_mode=WAL")
    except sqlite3.OperationalError as error:  # a read-only file can still be read
        if "readonly" not in str(error):
            raise
    path = cursor.execute("PRAGMA database_list").fetchone()[2]
    if path and os.access(path, os.W_OK):
        record.info[WRITABLE] = path
    cursor.close()


def _drop_read_only(context: ExceptionContext) -> None:
    # A connection that was opened when the file could not be written stays as it is, though the file has been mended.
    if "readonly" in str(context.original_exception):
        context.is_disconnect = True


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    _check_files(connection, BESIDE if writes else (MAPPED,))
    # A writer takes its lock at once: one that had begun as a reader would be refused it without any wait.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _check_files(connection: Connection, ends: Sequence[str]) -> None:
    # Every transaction, a reading one too, writes to a file that SQLite has mapped into memory. Where that file has
    # become read-only (chattr +i, a file system remounted after an error) the kernel ends the process with SIGBUS.
    # Where another has, an open connection goes on writing into what nobody can open again.
    path = connection.connection.info.get(WRITABLE)
    for each in [f"{path}{end}" for end in ends] if path else ():
        if os.path.exists(each) and not os.access(each, os.W_OK):
            raise Unavailable(f"the database's {each} has become read-only; make it and its folder writable again")


@contextmanager
def _translated(url: URL) -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        raise Unavailable(f"the database {_shown(url)}: {_remedy(str(error.orig))}") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable(f"the database {_shown(url)} closed the connection; it is tried again") from error
        if getattr(error.orig, "sqlstate", None) in MENDABLE:
            raise Unavailable(f"the database {_shown(url)}: {_remedy(str(error.orig))}") from error
        raise
    except NoConnection as error:
        raise Unavailable(f"the database {_shown(url)}: every connection of this process is busy; try again") from error


def _shown(url: URL) -> str:
    return url.render_as_string(hide_password=True)


def _remedy(message: str) -> str:
    lowered = message.lower()
    if "readonly" in lowered or "read-only" in lowered:
        return "is read-only; give this user the right to write the file and its folder, or name the primary server"
    if "full" in lowered or "no space" in lowered:
        return "has no space left on its disk; free some and what waits is written"
    if "disk i/o" in lowered or "unable to open" in lowered:
        return f"cannot use its files ({message}); check its disk, and that this user may write them and their folder"
    if "locked" in lowered:
        return f"was locked for more than {LOCK_WAIT_S} s; look for a long transaction of another program"
    if "no such table" in lowered or "does not exist" in lowered:
        return "is not migrated; run 'minutebook db upgrade'"
    return f"cannot be used ({message.splitlines()[0]}); check that it runs and that MINUTEBOOK_DATABASE_URL is right"


def check_writable(database: Database) -> None:
    """Raise Unavailable, with the remedy, when nothing can be written now."""
    for path in _files(database.url):
        # A file that was made read-only after it was opened fails at the next checkpoint only, and then for everybody.
        if not os.access(path, os.W_OK):
            raise Unavailable(f"{path} is read-only, and the database must write it; give this user the right to")
    with database.write() as session:
        session.execute(delete(ApiKey).where(false()))


def _files(url: URL) -> Iterator[Path]:
    """The files and the folder that SQLite has to write, as far as they are there."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith("file:"):
        return
    main = Path(url.database)
    yield main.parent
    yield from (path for end in BESIDE if (path := main.with_name(main.name + end)).exists())
