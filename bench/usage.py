"""What a system costs: processor time and memory of all its processes, children included."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import psutil

from deploy.supervisor import Stack

SAMPLE_INTERVAL_S = 0.5


@dataclass
class Usage:
    """Seconds of processor time by process id, and the largest sum of resident memory seen.

    Pages that processes share are counted in each of them.
    """

    peak_rss_bytes: int = 0
    _first_s: dict[int, float] = field(default_factory=dict)
    _last_s: dict[int, float] = field(default_factory=dict)

    def look(self, processes: Sequence[psutil.Process]) -> None:
        rss_bytes = 0
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                self._last_s[process.pid] = times.user + times.system
                rss_bytes += process.memory_info().rss
        if not self._first_s:
            self._first_s = dict(self._last_s)
        self.peak_rss_bytes = max(self.peak_rss_bytes, rss_bytes)

    @property
    def cpu_s(self) -> float:
        """A process that began meanwhile counts from its beginning."""
        return sum(last_s - self._first_s.get(pid, 0.0) for pid, last_s in self._last_s.items())


@contextlib.asynccontextmanager
async def watched(processes: Callable[[], Sequence[psutil.Process]]) -> AsyncIterator[Usage]:
    """Usage of what *processes* lists, which is asked again and again, over the block."""
    usage = Usage()
    usage.look(processes())
    watching = asyncio.create_task(_watch(usage, processes))
    try:
        yield usage
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        usage.look(processes())


async def _watch(usage: Usage, processes: Callable[[], Sequence[psutil.Process]]) -> None:
    while True:
        await asyncio.sleep(SAMPLE_INTERVAL_S)
        usage.look(processes())


def of_stack(stack: Stack) -> Callable[[], list[psutil.Process]]:
    """Lists the processes of everything that *stack* keeps running, children included."""
    return partial(_processes, stack)


def _processes(stack: Stack) -> list[psutil.Process]:
    found = []
    for pid in (pid for name in stack.processes for pid in stack.pids(name)):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(pid))
    return found
