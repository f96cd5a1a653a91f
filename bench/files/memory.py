"""The growth of memory in every process of the stack while it works on one long file."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from api.client.http import Http
from bench.files.systems import POLL_S, STILL_READ, upload_audio
from deploy.supervisor import Stack
from schema.core.errors import Unavailable

LOOK_EVERY_S = 1.0
SETTLED = 0.25
"""Fraction of the file after which caches and pools are full. Growth after that point would never stop."""
MemorySamples = list[tuple[float, float]]


@dataclass
class MemoryGrowth:
    """Samples (hours of audio transcribed, MB resident) by process."""

    samples: defaultdict[str, MemorySamples] = field(default_factory=lambda: defaultdict(list))

    def look(self, processes: Mapping[str, int], hours: float) -> None:
        for name, pid in processes.items():
            with contextlib.suppress(psutil.NoSuchProcess):
                self.samples[name].append((hours, psutil.Process(pid).memory_info().rss / 1000**2))

    def figures(self, hours: float) -> dict[str, Any]:
        return {name: _figures(samples, hours) for name, samples in sorted(self.samples.items())}


def _figures(samples: MemorySamples, hours: float) -> dict[str, float]:
    late = [sample for sample in samples if sample[0] >= SETTLED * hours]
    return {
        "mb_peak": round(max(mb for _, mb in samples), 1),
        "mb_at_end": round(samples[-1][1], 1),
        "mb_per_audio_hour": round(slope(late), 2),
    }


def slope(samples: Sequence[tuple[float, float]]) -> float:
    """Slope of the least-squares line through *samples*; 0 for fewer than two."""
    xs, ys = np.array(samples, dtype=float).reshape(-1, 2).T
    spread = xs - xs.mean() if len(xs) else xs
    square = float(spread @ spread)
    return float(spread @ ys) / square if square else 0.0


async def measure_growth(stack: Stack, audio: Path) -> tuple[MemoryGrowth, float]:
    """Sample the stack's memory while it transcribes *audio*. Returns the growth and the hours transcribed."""
    growth, hours, at = MemoryGrowth(), 0.0, 0.0
    async with Http(stack.api_url, timeout_s=600) as http:
        _, meeting_id = await upload_audio(http, audio)
        while (meeting := await http.meeting(meeting_id)).state in STILL_READ:
            hours = (meeting.coverage.received_s - meeting.coverage.pending_s) / 3600
            growth.look(dict(_processes(stack)), hours)
            at += LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
    if not growth.samples:
        raise Unavailable(f"{audio} was transcribed in less than {POLL_S} s; give a longer one")
    return growth, hours


def _processes(stack: Stack) -> Iterable[tuple[str, int]]:
    """Process ids with the process's name and a number for each of its children. A decoder lives as long as its
    file.
    """
    for name in stack.processes:
        for number, pid in enumerate(sorted(stack.pids(name))):
            yield f"{name} {number}", pid
