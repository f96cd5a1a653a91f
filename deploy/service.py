"""The Procfile, and the supervision of one of its processes: start on a leash, restart, end with all children."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from deploy.output import Output
from schema.core.disk import OTHERS
from schema.core.errors import InvalidInput, Unavailable

PROCFILE = Path(__file__).with_name("Procfile")

_LINE = re.compile(r"([A-Za-z][A-Za-z0-9_-]*):\s*(\S.*)")


@dataclass(frozen=True)
class ProcfileEntry:
    name: str
    command: str


def read_procfile(path: Path = PROCFILE) -> list[ProcfileEntry]:
    """The entries in file order. Raises InvalidInput for a line that is not an entry, empty or a comment."""
    entries: dict[str, ProcfileEntry] = {}
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line.rstrip())
        if match is None:
            raise InvalidInput(f"{path}:{number}: {line!r} is not an entry; write `name: command`")
        name, command = match.groups()
        if name in entries:
            raise InvalidInput(f"{path}:{number}: the name {name!r} is used by an earlier line; choose another")
        entries[name] = ProcfileEntry(name, command)
    return list(entries.values())


def select_entries(entries: list[ProcfileEntry], names: Sequence[str] | None) -> list[ProcfileEntry]:
    """The entries that are named, in file order; all for None. Raises InvalidInput for a name that is not there."""
    known = [entry.name for entry in entries]
    unknown = sorted(set(names or ()) - set(known))
    if unknown:
        raise InvalidInput(f"no process {', '.join(unknown)} in the Procfile; it has {', '.join(known)}")
    return [entry for entry in entries if names is None or entry.name in names]


LEASH = Path(__file__).with_name("leash.py")
GRACE_S = 10.0
FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 30.0
OUTPUT_END_S = 2.0
STEADY_S = 60.0
"""After this time a process counts as healthy again: its next crash is restarted as quickly as the first."""


class Service:
    """A Procfile entry and, while it runs, its leash. One thread at a time may call it."""

    def __init__(
        self,
        entry: ProcfileEntry,
        environment: dict[str, str],
        output: Output,
        grace_s: float = GRACE_S,
        steady_s: float = STEADY_S,
    ) -> None:
        self.name = entry.name
        self.output = output
        self.crashes = 0
        """Number of crashes since the last steady run."""
        self.pid: int | None = None
        """Process id of the command, which is also its process group; None if it is not running."""
        self._entry = entry
        self._environment = environment
        self._grace_s = grace_s
        self._steady_s = steady_s
        self._leash: subprocess.Popen[bytes] | None = None
        self._lead: socket.socket | None = None
        self._reader: threading.Thread | None = None
        self._started_s = 0.0
        self.due_s: float | None = None
        """When to restart (monotonic clock); None if no restart is planned."""

    def start(self) -> None:
        """Start the command. Raises Unavailable if not even its shell can be started."""
        self._lead, far_end = socket.socketpair()
        with far_end:
            self._leash = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    str(LEASH),
                    str(self._grace_s),
                    "/bin/sh",
                    "-c",
                    f"exec {self._entry.command}",
                ],
                stdin=far_end.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=self._environment,
                # A group of its own, so that Ctrl-C reaches only the supervisor, which then stops everything in order.
                process_group=0,
                umask=OTHERS,
            )
        assert self._leash.stdout is not None
        self._reader = self.output.follow(self._leash.stdout)
        self._started_s, self.due_s = time.monotonic(), None
        pid = self._lead.recv(32)
        if not pid:
            self._clear()
            raise Unavailable(f"{self.name} could not be started; {self.explain()}")
        self.pid = int(pid)

    @property
    def started(self) -> bool:
        """True from `start` until the end of the run has been cleaned up."""
        return self._leash is not None

    def status(self) -> int | None:
        """The exit status of a run that has ended but is not cleaned up yet; None while it runs or before it starts."""
        return None if self._leash is None else self._leash.poll()

    @property
    def running(self) -> bool:
        return self.pid is not None and self.status() is None

    @property
    def runs_for_s(self) -> float:
        """Duration of the current run; 0 if there is none."""
        return time.monotonic() - self._started_s if self.running else 0.0

    def wait(self) -> int:
        """Wait for the run, if there is one, to end, clean up, and return its exit status."""
        if self._leash is None:
            return 0
        status = self._leash.wait()
        self._clear()
        return status

    def after_crash(self) -> float:
        """Clean up after a run that ended by itself and plan the next one. Returns the pause before it in seconds."""
        if time.monotonic() - self._started_s >= self._steady_s:
            self.crashes = 0
        self.crashes += 1
        self._clear()
        return self.postpone()

    def postpone(self) -> float:
        """Plan the next start, later with every crash, up to LONGEST_PAUSE_S. Returns the pause in seconds."""
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(self.crashes - 1, 10))
        self.due_s = time.monotonic() + pause_s
        return pause_s

    def ask_to_end(self) -> None:
        """Request the end: SIGTERM now, SIGKILL after the grace period. `wait` waits for it."""
        self.due_s = None
        if self._lead is not None:
            self._lead.close()

    def kill(self) -> None:
        """Kill the whole process group at once."""
        if self.pid is not None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except ProcessLookupError:
                return

    def explain(self) -> str:
        """The path of the log, and its last lines."""
        return "\n  ".join([f"the last lines of {self.output.path} are:", *self.output.tail])

    def _clear(self) -> None:
        assert self._leash is not None
        assert self._lead is not None
        self._lead.close()
        self._leash.wait()
        # A leash that was killed itself could not end its group.
        self.kill()
        if self._reader is not None:
            self._reader.join(OUTPUT_END_S)
        self._leash = self._lead = self._reader = self.pid = None


BY_SIGNAL = 128
"""A shell, like the leash, adds this to the number of the signal that ended a command."""
HINTS = {
    signal.SIGBUS: "a mapped file can no longer be read or written: check whether the data folder has become "
    "read-only or its disk is full, and run 'minutebook doctor'",
    signal.SIGKILL: "if nobody sent it, the system ran out of memory: use a smaller model or fewer processes",
    signal.SIGILL: "a library was built for another CPU; install a build for this one",
}


def describe_exit(status: int) -> str:
    """`status 1`, or for an end by a signal its name and the likely cause."""
    try:
        ended_by = signal.Signals(status - BY_SIGNAL)
    except ValueError:
        return f"status {status}"
    hint = f": {HINTS[ended_by]}" if ended_by in HINTS else ""
    return f"status {status} ({ended_by.name}{hint})"
