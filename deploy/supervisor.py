"""The stack on one machine: Redis, migration, API, workers, beat and Flower, as listed in the Procfile."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import psutil

from deploy.addresses import Addresses, resolve
from deploy.datadir import DataDir, process_mark
from deploy.output import STACK, Output, StackLog, Terminal
from deploy.readiness import ReadinessCheck, checks
from deploy.service import (
    GRACE_S,
    PROCFILE,
    STEADY_S,
    ProcfileEntry,
    Service,
    describe_exit,
    read_procfile,
    select_entries,
)
from deploy.waiting import wait_until_ended, wait_until_ready
from schema.core.disk import fault_of
from schema.core.errors import InvalidInput, Unavailable
from schema.core.queues import SPEAKERS_QUEUE

ONCE = frozenset({"migrate"})
"""Runs to completion before the next entry starts."""
AWAITED = frozenset({"redis"})
"""Must be ready before the next entry starts. All others start together."""
POLL_S = 0.1


class Stack:
    """Every process of the Procfile, or those named in *processes*, on one data folder.

        with Stack(Path("var/try"), environment={"MINUTEBOOK_ASR_PRECISION": "float32"}) as stack:
            httpx.get(f"{stack.api_url}/healthz")

    Entering the context starts everything and returns when it is ready. Leaving it ends everything in reverse order. A
    process that crashes is restarted. No process outlives the stack, even if the process that runs it is killed.

    *environment* overrides the environment of this process. Ports that are not set are chosen freely. A Redis named in
    `MINUTEBOOK_REDIS_URL` is used instead of one of its own. *terminal* shows the output of the processes; without it,
    the output is only in `DATA_DIR/log`. *tell* is called with what the supervisor itself says, such as what a start
    waits for. The pause before a restart grows with each crash in a row; a run of *steady_s* ends the row.

    Raises Conflict (the folder or a port is taken), InvalidInput (unknown process), Unavailable (not ready in time).
    """

    def __init__(
        self,
        data_dir: Path | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        processes: Sequence[str] | None = None,
        terminal: Terminal | None = None,
        tell: Callable[[str], None] | None = None,
        procfile: Path = PROCFILE,
        ready_within_s: float = 180.0,
        grace_s: float = GRACE_S,
        steady_s: float = STEADY_S,
    ) -> None:
        overlay = dict(environment or {})
        if data_dir is not None:
            overlay["MINUTEBOOK_DATA_DIR"] = str(data_dir)
        self._overlay = overlay
        self._entries = select_entries(read_procfile(procfile), processes)
        self._terminal = terminal
        self._tell_user = tell
        self._ready_within_s = ready_within_s
        self._grace_s = grace_s
        self._steady_s = steady_s
        self._services: dict[str, Service] = {}
        self._checks: dict[str, ReadinessCheck] = {}
        self._addresses: Addresses | None = None
        self._folder: DataDir | None = None
        self._log: StackLog | None = None
        self._guard = threading.RLock()
        self._ending = threading.Event()
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def addresses(self) -> Addresses:
        if self._addresses is None:
            raise Unavailable("the stack was not started; use it as `with Stack(...) as stack:`")
        return self._addresses

    @property
    def api_url(self) -> str:
        return self.addresses.api_url

    @property
    def redis_url(self) -> str:
        return self.addresses.redis_url

    @property
    def database_url(self) -> str:
        return self.addresses.database_url

    @property
    def data_dir(self) -> Path:
        return self.addresses.data_dir

    @property
    def processes(self) -> list[str]:
        """The names of the processes that run until the stack is stopped."""
        return list(self._services)

    def start(self) -> None:
        """Start everything. Returns before the API and the workers are ready (see `wait_ready`)."""
        self._addresses = resolve(self._overlay)
        self._folder = DataDir(self._addresses.data_dir)
        self._log = StackLog(self._folder.log, self._terminal, as_json=self._addresses.logs_json)
        if self._addresses.redis_port is not None:
            self._addresses = self._addresses.with_redis_password(self._folder.redis_password())
        for leftover in self._folder.end_leftovers():
            self.say(f"ended {leftover}, which a killed stack had left running")
        self._checks = checks(self._addresses)
        self._ending.clear()
        self._watcher = threading.Thread(target=self._watch, name="stack-watcher", daemon=True)
        self._watcher.start()
        for entry in self._entries:
            if entry.name == SPEAKERS_QUEUE and self._addresses.speakers == "off":
                continue
            if entry.name == "redis" and self._addresses.redis_port is None:
                self.say(f"using the Redis of MINUTEBOOK_REDIS_URL, {_without_password(self._addresses.redis_url)}")
                continue
            self._begin(entry)

    def wait_ready(self, *names: str) -> None:
        """Wait until these processes (by default all) are ready. From time to time, say which are not.

        Raises Unavailable, with the last lines of the log, if one keeps ending or is not ready in time.
        """
        services = [self._service(name) for name in names or tuple(self._services)]
        wait_until_ready(services, self._checks, self._ready_within_s, self.say)

    def say(self, text: str) -> None:
        """A line of the supervisor itself, between those of the processes."""
        if self._log is not None:
            self._log.line(STACK, text)
        if self._tell_user is not None:
            self._tell_user(text)

    def stop(self) -> None:
        """End everything in reverse order, so that what the others need ends last. May be called twice."""
        self._ending.set()
        if self._watcher is not None:
            self._watcher.join()
        services = list(reversed(self._services.values()))
        for last in (False, True):
            ending = [service for service in services if (service.name in AWAITED) == last]
            for service in ending:
                service.ask_to_end()
            for service in ending:
                service.wait()
        for service in services:
            service.output.close()
        self._services.clear()
        if self._log is not None:
            self._log.close()
        if self._folder is not None:
            self._folder.release()

    def kill_all(self) -> None:
        """Kill every process at once, with SIGKILL. A `stop` in progress then returns quickly."""
        for service in tuple(self._services.values()):
            service.kill()

    def pid(self, name: str) -> int:
        """The current process id of *name*, which changes with each restart. Raises Unavailable if it is not
        running.
        """
        pid = self._service(name).pid
        if pid is None:
            raise Unavailable(f"{name} is not running at the moment; wait_ready({name!r}) waits for its restart")
        return pid

    def pids(self, name: str) -> list[int]:
        """The process and all its children, such as a worker's pool."""
        try:
            main = psutil.Process(self.pid(name))
            return [main.pid, *(child.pid for child in main.children(recursive=True))]
        except psutil.NoSuchProcess:
            return []

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to *name*. For SIGKILL, return once it is gone; it restarts after a pause."""
        pid = self.pid(name)
        os.kill(pid, number)
        if number == signal.SIGKILL:
            service = self._service(name)
            while service.pid == pid:
                time.sleep(0.01)

    def stop_process(self, name: str) -> None:
        """End *name* and do not restart it until `start_process`."""
        with self._guard:
            service = self._service(name)
            service.ask_to_end()
            service.wait()

    def start_process(self, name: str) -> None:
        with self._guard:
            service = self._service(name)
            if not service.started:
                self._launch(service)

    def _begin(self, entry: ProcfileEntry) -> None:
        service = self._prepared(entry)
        if entry.name in ONCE:
            return self._run_through(service)
        with self._guard:
            self._services[entry.name] = service
            self._launch(service)
        if entry.name in AWAITED:
            self.wait_ready(entry.name)
        return None

    def _prepared(self, entry: ProcfileEntry) -> Service:
        assert self._folder is not None
        output = Output(entry.name, self._folder.log, self._log, as_json=self.addresses.logs_json)
        environment = self.addresses.environment({**os.environ, **self._overlay})
        return Service(entry, environment, output, self._grace_s, self._steady_s)

    def _run_through(self, service: Service) -> None:
        try:
            service.start()
            wait_until_ended(service, self.say)
            status = service.wait()
        finally:
            service.ask_to_end()
            service.output.close()
        if status != 0:
            raise Unavailable(f"{service.name} ended with {describe_exit(status)}; {service.explain()}")

    def _watch(self) -> None:
        while not self._ending.wait(POLL_S):
            with self._guard:
                for service in tuple(self._services.values()):
                    self._mend(service)

    def _mend(self, service: Service) -> None:
        status = service.status()
        if status is not None:
            pause_s = service.after_crash()
            times = f", {service.crashes} times in a row" if service.crashes > 1 else ""
            service.output.line(f"ended by itself with {describe_exit(status)}{times}; restarting in {pause_s:g} s")
        elif service.due_s is not None and time.monotonic() >= service.due_s:
            try:
                self._launch(service)
            except (OSError, Unavailable) as error:  # out of memory or of processes, which may pass
                service.output.line(f"could not be started: {error}; trying again in {service.postpone():g} s")

    def _launch(self, service: Service) -> None:
        service.start()
        service.output.line(f"started, pid {service.pid}")
        try:
            self._tell()
        except OSError as error:  # the disk is full: the process runs all the same, and must not be started twice
            fault = fault_of(self.data_dir / "run", error)
            service.output.line(f"the running processes are not recorded: {fault}")

    def _tell(self) -> None:
        assert self._folder is not None
        running = {name: each.pid for name, each in self._services.items()}
        self._folder.write_facts(
            {
                "pid": os.getpid(),
                "api_url": self.api_url,
                "flower_url": self.addresses.flower_url,
                "redis_url": self.redis_url,
                "metrics_port": self.addresses.metrics_port,
                "processes": {name: None if pid is None else process_mark(pid) for name, pid in running.items()},
            }
        )

    def _service(self, name: str) -> Service:
        if name not in self._services:
            raise InvalidInput(f"no process {name!r} in this stack; it has {', '.join(self._services) or 'none'}")
        return self._services[name]


def _without_password(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname or ''}:{parts.port or 6379}{parts.path}"
