"""What the fault campaign can strike with: the base of every kind, and the site that it strikes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TypeVar

from schema.core.errors import MinutebookError
from schema.mailbox import Status
from tests.faults.load import DECODING, Load
from tests.running_stack import RunningStack
from tests.servers import Postgres
from tests.stack_process import StackProcess
from tests.waiting import wait_until

Seen = TypeVar("Seen")
DATABASES = ("sqlite", "postgresql")


class NothingToStrike(Exception):
    """The load has ended, or what a kind strikes does not occur any more: the next load has to do."""


@dataclass
class Site:
    """A stack, its servers and the load on it. `random` decides all that is left to chance."""

    stack: StackProcess
    running: RunningStack
    load: Load
    random: Random
    postgres: Postgres | None = None
    small_disk: Path | None = None
    """The data folder, where it is a small file system of its own."""
    over_s: float | None = None
    """When the fault was over (monotonic clock), if `strike` goes on after it; None otherwise."""

    def wait_for(self, what: str, look: Callable[[], Seen]) -> Seen:
        """Wait until *look* finds something. Raises NothingToStrike once the load has ended."""

        def either() -> tuple[Seen, bool]:
            found = look()
            return found, not found and self.load.is_finished()

        found, ended = wait_until(what, either, any, retry_on=MinutebookError)
        if ended:
            raise NothingToStrike(what)
        return found

    def held_track(self) -> tuple[str, Status]:
        """A track that a worker holds."""
        held = self.wait_for("a worker holds a track", self.load.holders)
        return self.random.choice(sorted(held.items(), key=lambda each: each[0]))

    def holder(self) -> int:
        """The process id of a worker that holds a track."""
        return pid_of(self.held_track()[1])

    def keep_decoding(self) -> None:
        """See to it that at least one file is queued or being decoded."""
        if not set(self.load.upload_states()) & set(DECODING):
            self.load.upload(self.random.randrange(len(self.load.live)))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault. It is over when `strike` returns; then the processes *answering* must answer again."""

    name: str
    does: str
    strike: Callable[[Site], None]
    answering: tuple[str, ...] = ()
    kills: bool = False
    databases: tuple[str, ...] = DATABASES
    needs_small_disk: bool = False


def pid_of(status: Status) -> int:
    """The process that holds the track."""
    return int(status.worker.rpartition("-")[2])
