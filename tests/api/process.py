"""The API in a process of its own, started by `python -m api`."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from redis import Redis

from schema.core import migrate
from schema.core.database import Database
from schema.core.settings import Settings
from schema.mailbox import Mailbox
from tests.api.conftest import Api
from tests.servers import free_port
from tests.waiting import wait_until

PROCESS_END_LIMIT_S = 30
NAMES = ("data_dir", "redis_url", "api_port", "api_host", "auth", "database_url")


def environment(config: Settings) -> dict[str, str]:
    """The environment variables that give *config*."""
    return {**os.environ, **{f"MINUTEBOOK_{name.upper()}": str(getattr(config, name)) for name in NAMES}}


@contextmanager
def api_process(config: Settings, log: Path) -> Iterator[Api]:
    """Run `python -m api` until the end of the block. Its output goes to *log*."""
    database = Database(config.sql_url)
    migrate.upgrade(database)
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "api"], env=environment(config), stdout=output, stderr=subprocess.STDOUT
        )
    url = f"http://127.0.0.1:{config.api_port}"
    try:
        with Redis.from_url(config.redis_url) as redis, httpx.Client(base_url=url, trust_env=False) as http:
            _wait_until_healthy(http, process, log)
            yield Api(config, database, redis, Mailbox(redis, config.shards), http)
    finally:
        process.terminate()
        process.wait(PROCESS_END_LIMIT_S)
        database.close()


class ApiProcess:
    """An API with its own database, which a test can kill and start again."""

    def __init__(self, folder: Path, redis_url: str, **variables: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.folder = folder
        named = {"data_dir": str(folder), "redis_url": redis_url, "api_port": str(self.port), **variables}
        self.variables = {f"MINUTEBOOK_{name.upper()}": value for name, value in named.items()}
        self.settings = Settings.model_validate(named)
        database = Database(self.settings.sql_url)
        migrate.upgrade(database)
        database.close()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = self.folder / "api.log"
        with log.open("ab") as output:
            environment = {**os.environ, **self.variables}
            command = [sys.executable, "-m", "api"]
            self._process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        with httpx.Client(base_url=self.url, trust_env=False) as http:
            try:
                _wait_until_healthy(http, self._process, log)
            except BaseException:
                self.end(signal.SIGKILL)
                raise

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(PROCESS_END_LIMIT_S)
            self._process = None


def _wait_until_healthy(http: httpx.Client, process: subprocess.Popen[bytes], log: Path) -> None:
    def look() -> bool:
        assert process.poll() is None, f"the API did not start: {log.read_text()[-2000:]}"
        return http.get("/healthz").is_success

    wait_until("the API is healthy", look, retry_on=httpx.TransportError)
