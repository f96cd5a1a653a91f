"""Averages of the last minute, from the metrics that a worker keeps for Prometheus anyway."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping

from prometheus_client import CollectorRegistry

from schema.fleet.wire import WorkAverages

OVER_S = 60.0
STEP_S, STEP_WINDOWS, NOTE_S = "minutebook_step_seconds", "minutebook_step_windows", "minutebook_note_seconds"
Sums = Mapping[str, tuple[float, float]]
"""Name of a histogram → the number and the sum of all observations."""


class RecentWork:
    """Remembers the sums of the last minute."""

    def __init__(self) -> None:
        self._seen: deque[tuple[float, Sums]] = deque()

    def averages(self, registry: CollectorRegistry | None, now_s: float | None = None) -> WorkAverages:
        """What happened since a minute ago. *now_s* is by the monotonic clock."""
        now_s = time.monotonic() if now_s is None else now_s
        sums = _sums(registry)
        self._seen.append((now_s, sums))
        while len(self._seen) > 1 and self._seen[1][0] <= now_s - OVER_S:
            self._seen.popleft()
        before = self._seen[0][1]
        steps, step_s = _between(before, sums, STEP_S)
        _, windows = _between(before, sums, STEP_WINDOWS)
        notes, note_s = _between(before, sums, NOTE_S)
        return WorkAverages(steps=steps, step_s=step_s, step_windows=windows, notes=notes, note_s=note_s)


def _between(before: Sums, now: Sums, name: str) -> tuple[int, float | None]:
    """How many observations there were in between, and their average."""
    (count_before, sum_before), (count, total) = before.get(name, (0.0, 0.0)), now.get(name, (0.0, 0.0))
    new = round(count - count_before)
    return (new, (total - sum_before) / new) if new > 0 else (0, None)


def _sums(registry: CollectorRegistry | None) -> Sums:
    if registry is None:
        return {}
    found: dict[str, tuple[float, float]] = {}
    for family in registry.collect():
        if family.name in (STEP_S, STEP_WINDOWS, NOTE_S):
            values = {each.name: each.value for each in family.samples}
            found[family.name] = values.get(f"{family.name}_count", 0.0), values.get(f"{family.name}_sum", 0.0)
    return found
