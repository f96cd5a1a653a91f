"""A real API process on a database and a Valkey of its own, which can be killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from schema.core import migrate
from schema.core.database import Database
from schema.core.settings import Settings
from tests.servers import free_port

START_LIMIT_S = 30


class ApiProcess:
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
        with (self.folder / "api.log").open("ab") as log:
            environment = {**os.environ, **self.variables}
            command = [sys.executable, "-m", "api"]
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        deadline_s = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline_s and self._process.poll() is None:
            try:
                if httpx.get(f"{self.url}/healthz", trust_env=False).is_success:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise RuntimeError(f"the API did not start: {(self.folder / 'api.log').read_text()[-2000:]}")

    def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(START_LIMIT_S)
            self._process = None
