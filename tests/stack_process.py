"""A stack whose supervisor is a process of its own, so that the supervisor can be killed too.

`python -m tests.stack_process` is that process. It runs the stack of its environment until SIGTERM, or until the
program that started it has died, which ends its standard input.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from deploy.addresses import PREFIX, resolve
from deploy.datadir import process_mark
from deploy.fresh import empty_folder
from deploy.readiness import ReadinessCheck, http_answers, redis_answers, worker_answers
from deploy.supervisor import Stack
from tests.servers import free_port
from tests.waiting import wait_until

PROCESSES = ("redis", "migrate", "api", "transcribe", "summarize", "ingest", "beat")
STEADY_S = 1.0
"""After this time a killed process is restarted without delay, so that many kills in a row take bounded time."""
PATIENCE_S = 600.0


class StackProcess:
    """Everything but Flower, under a supervisor in a process of its own, in the empty folder *data_dir*.

    The port of the API stays the same when the supervisor is started again; that of Redis may change.
    """

    def __init__(self, data_dir: Path, environment: Mapping[str, str]) -> None:
        self.data_dir = data_dir
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
        own = {"DATA_DIR": str(data_dir), "API_PORT": str(free_port())}
        self._environment = {**inherited, **{f"{PREFIX}{name}": value for name, value in own.items()}, **environment}
        self.addresses = resolve(self._environment)
        self.database_url, self.api_url = self.addresses.database_url, self.addresses.api_url
        self._supervisor: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        """Empty the folder, and start."""
        empty_folder(self.data_dir)
        self.start()

    def start(self) -> None:
        """Start the supervisor, and wait until all processes are ready."""
        command = [sys.executable, "-m", "tests.stack_process"]
        with (self.data_dir / "supervisor.log").open("ab") as log:
            self._supervisor = subprocess.Popen(
                command, env=self._environment, stdin=subprocess.PIPE, stdout=log, stderr=log
            )
        supervisor = self._supervisor

        def started() -> bool:
            assert supervisor.poll() is None, (self.data_dir / "supervisor.log").read_text()[-4000:]
            # After a kill, the facts of the supervisor before this one are still there.
            is_own = self._read_facts().get("pid") == supervisor.pid
            return is_own and set(self._marks()) == set(PROCESSES) - {"migrate"}

        wait_until("the supervisor has started every process", started, patience_s=PATIENCE_S)
        self.wait_ready()

    def stop(self) -> None:
        """End everything in order. Does nothing when the supervisor does not run."""
        if self._supervisor is not None:
            self._supervisor.terminate()
            self._supervisor.communicate(timeout=PATIENCE_S)
            self._supervisor = None

    def restart(self) -> None:
        """Kill the supervisor, wait until its processes have ended, and start again."""
        assert self._supervisor is not None
        self._supervisor.kill()
        self._supervisor.communicate()
        wait_until("no process outlives the supervisor", self.running, lambda found: not found, patience_s=PATIENCE_S)
        self.start()

    @property
    def redis_url(self) -> str:
        return str(self._facts()["redis_url"])

    @property
    def processes(self) -> list[str]:
        return list(self._marks())

    def pid(self, name: str) -> int:
        """The process id of *name*, once it runs."""
        mark = wait_until(f"{name} runs", lambda: self._marks().get(name), _is_alive, patience_s=PATIENCE_S)
        assert mark is not None
        return int(mark["pid"])

    def pids(self, name: str) -> list[int]:
        """The process and all its children, such as a worker's pool."""
        with suppress(psutil.NoSuchProcess):
            main = psutil.Process(self.pid(name))
            return [main.pid, *(child.pid for child in main.children(recursive=True))]
        return []

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to *name*. It restarts after a pause."""
        os.kill(self.pid(name), number)

    def kill_all(self) -> None:
        """Kill every process but the supervisor, with SIGKILL."""
        for name in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(self.pid(name), signal.SIGKILL)

    def wait_ready(self, *names: str) -> None:
        """Wait until these processes (by default all) are ready."""
        for name in names or tuple(self._marks()):
            wait_until(f"{name} is ready", self._check(name), patience_s=PATIENCE_S, poll_s=0.1)

    def running(self) -> list[psutil.Process]:
        """Every process of this data folder but the supervisor, found by its environment."""
        folder = f"{PREFIX}DATA_DIR"
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get(folder) == str(self.data_dir) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return [each for each in found if self._supervisor is None or each.pid != self._supervisor.pid]

    def orphans(self) -> list[str]:
        """Processes of this data folder that no longer belong to the supervisor."""
        assert self._supervisor is not None
        family = {each.pid for each in psutil.Process(self._supervisor.pid).children(recursive=True)}
        with suppress(psutil.NoSuchProcess):
            return [" ".join(each.cmdline()) for each in self.running() if each.pid not in family]
        return []

    def _check(self, name: str) -> ReadinessCheck:
        if name == "redis":
            return redis_answers(self.redis_url)
        if name == "api":
            return http_answers(f"{self.api_url}/healthz")
        if name == "beat":
            return lambda: _is_alive(self._marks().get(name))
        return worker_answers(self.redis_url, name)

    def _facts(self) -> dict[str, Any]:
        """What the supervisor wrote about itself."""
        return wait_until("the supervisor has written its facts", self._read_facts, patience_s=PATIENCE_S)

    def _read_facts(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            facts: dict[str, Any] = json.loads((self.data_dir / "run" / "stack.json").read_text())
            return facts
        return {}

    def _marks(self) -> dict[str, dict[str, Any] | None]:
        marks: dict[str, dict[str, Any] | None] = self._read_facts().get("processes", {})
        return marks


def _is_alive(mark: dict[str, Any] | None) -> bool:
    return mark is not None and process_mark(int(mark["pid"])) == mark


def _end(*_: object) -> None:
    sys.exit()


def main() -> None:
    signal.signal(signal.SIGTERM, _end)
    with Stack(processes=PROCESSES, steady_s=STEADY_S):
        sys.stdin.buffer.read()


if __name__ == "__main__":
    main()
