"""The cost of a system: processor time and memory of all its processes, including children."""

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
    """Seconds of processor time by process id, and the largest sum of resident memory.

    Memory that processes share counts for each of them.
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
        """Total processor time. A process that started meanwhile counts from its start."""
        return sum(last_s - self._first_s.get(pid, 0.0) for pid, last_s in self._last_s.items())


@contextlib.asynccontextmanager
async def measure_usage(processes: Callable[[], Sequence[psutil.Process]]) -> AsyncIterator[Usage]:
    """Measure the usage of *processes*, which is called repeatedly, over the block."""
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


def stack_processes(stack: Stack) -> Callable[[], list[psutil.Process]]:
    """A function that lists all processes that *stack* keeps running, including children."""
    return partial(_processes, stack)


def _processes(stack: Stack) -> list[psutil.Process]:
    found = []
    for pid in (pid for name in stack.processes for pid in stack.pids(name)):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append(psutil.Process(pid))
    return found
