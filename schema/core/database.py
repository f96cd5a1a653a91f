"""Sessions on SQLite or PostgreSQL. Reading and writing are separate, because SQLite allows one writer at a time."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import (
    URL,
    Connection,
    Dialect,
    Engine,
    ExceptionContext,
    create_engine,
    delete,
    event,
    false,
    make_url,
    text,
)
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from schema.core.disk import FOLDER_MODE, create_private, make_private
from schema.core.errors import InvalidInput, Unavailable
from schema.core.tables import ApiKey

if TYPE_CHECKING:
    import psycopg

BACKENDS = ("sqlite", "postgresql")
DRIVERS = (*BACKENDS, "sqlite+pysqlite", "postgresql+psycopg")
"""The accepted drivers. Others may not be installed and have not been tested."""
LOCK_WAIT_S = 20
IDLE_LIMIT_S = 15
"""PostgreSQL ends a session that does nothing for so long while it writes. Otherwise a process that is stopped in a
transaction would keep its locks, and every other process that needs them would wait for it. Shorter than `LOCK_WAIT_S`,
so that the others get the locks."""
WRITABLE = "minutebook.writable"
"""The key in a connection's `info` for the path of SQLite's file, set only if the file was writable at connect."""
MAPPED = "-shm"
BESIDE = ("", "-wal", MAPPED)
"""The suffixes of SQLite's file and of the two files beside it while it is open. It maps the last into memory."""
MENDABLE = frozenset({"25006", "42P01"})
"""PostgreSQL's codes for a read-only server and a missing table. An operator can repair both, though the driver reports
them as programming errors."""


class Database:
    """An engine with two kinds of session.

    `read()` sees one snapshot. `write()` is one transaction: it is committed at the end of the block and rolled back if
    the block raises. Both raise Unavailable when the database cannot be reached, is read-only, is full, or is locked
    for too long.
    """

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self.engine = _engine(self.url)

    @contextmanager
    def read(self) -> Iterator[Session]:
        with _translated(self.url), Session(self.engine, expire_on_commit=False) as session:
            if self.url.get_backend_name() != "sqlite":  # in SQLite every transaction is a snapshot
                session.connection(execution_options={"isolation_level": "REPEATABLE READ"})
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        with _translated(self.url), Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.connection(execution_options={"writes": True})
            if self.url.get_backend_name() != "sqlite":
                session.execute(text(f"SET LOCAL idle_in_transaction_session_timeout = '{IDLE_LIMIT_S}s'"))
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
        engine = create_engine(url, pool_pre_ping=True, pool_size=5, max_overflow=15)
        event.listen(engine, "connect", _limit_lock_waits)
        return engine
    if url.database and not url.database.startswith("file:"):
        _make_folder(Path(url.database).parent)
    # The driver would begin a transaction only at the first change, too late for a writer. So the driver's handling is
    # off, and `_begin_sqlite` sends BEGIN.
    engine = create_engine(url, connect_args={"timeout": LOCK_WAIT_S, "isolation_level": None})
    event.listen(engine, "do_connect", _make_files_private)
    event.listen(engine, "connect", _configure_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    event.listen(engine, "handle_error", _drop_read_only)
    return engine


def _limit_lock_waits(connection: psycopg.Connection, _record: ConnectionPoolEntry) -> None:
    connection.execute(f"SET lock_timeout = '{LOCK_WAIT_S}s'")
    connection.commit()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(
            f"the folder {folder} for the database cannot be created ({error.strerror}); give this user the right to "
            "create it, or name another folder with MINUTEBOOK_DATA_DIR or MINUTEBOOK_DATABASE_URL"
        ) from error


def _make_files_private(
    _dialect: Dialect, _record: ConnectionPoolEntry, arguments: list[str], _options: object
) -> None:
    path = arguments[0]
    if path.startswith((":memory:", "file:")):
        return
    with suppress(OSError):  # SQLite reports it too, and `_remedy` explains it
        create_private(Path(path))  # SQLite gives the files beside it the same rights
    make_private(Path(f"{path}{end}") for end in BESIDE)


def _configure_sqlite(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    # FULL, so that a confirmed commit survives a power cut: the audio is trimmed from Redis right after it.
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
    # A connection that was opened while the file was read-only stays read-only after the file is repaired, so it is
    # closed.
    if "readonly" in str(context.original_exception):
        context.is_disconnect = True


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    _check_files(connection, BESIDE if writes else (MAPPED,))
    # A writer takes its lock at once. If it began as a reader, SQLite would refuse the lock without waiting.
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _check_files(connection: Connection, ends: Sequence[str]) -> None:
    # Every transaction, even one that only reads, writes to the file that SQLite has mapped into memory. If that file
    # has become read-only (chattr +i, a file system remounted after an error), the kernel kills the process with
    # SIGBUS. If another file has, an open connection would continue to write to a database that nobody can open again.
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
            raise Unavailable(f"the database {_shown(url)} closed the connection; try again") from error
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
        return "has no space left on its disk; free some space, then the waiting data is written"
    if "disk i/o" in lowered or "unable to open" in lowered:
        return f"cannot use its files ({message}); check its disk, and that this user may write there"
    if "locked" in lowered or "lock timeout" in lowered:
        return f"was locked for more than {LOCK_WAIT_S} s; look for another program with a long transaction"
    if "no such table" in lowered or "does not exist" in lowered:
        return "is not migrated; run 'minutebook db upgrade'"
    return f"cannot be used ({message.splitlines()[0]}); check that it runs and that MINUTEBOOK_DATABASE_URL is right"


def check_writable(database: Database) -> None:
    """Raise Unavailable, with the remedy, if the database cannot be written now."""
    for path in _files(database.url):
        # A file that became read-only after it was opened fails only at the next checkpoint, and then for every
        # process.
        if not os.access(path, os.W_OK):
            raise Unavailable(f"{path} is read-only, and the database must write it; give this user the right to write")
    with database.write() as session:
        session.execute(delete(ApiKey).where(false()))


def _files(url: URL) -> Iterator[Path]:
    """Yield the folder and the existing files that SQLite must be able to write."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith("file:"):
        return
    main = Path(url.database)
    yield main.parent
    yield from (path for end in BESIDE if (path := main.with_name(main.name + end)).exists())
