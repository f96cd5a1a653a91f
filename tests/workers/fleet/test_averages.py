"""Averages of the last minute, from the metrics of a worker."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from workers.fleet.averages import OVER_S, RecentWork
from workers.metrics.metrics import WorkerMetrics


def test_averages_are_those_of_the_last_minute() -> None:
    registry = CollectorRegistry()
    metrics = WorkerMetrics(registry)
    metrics.step_s.observe(100)  # before the first look
    work = RecentWork()
    assert work.averages(registry, now_s=0.0).steps == 0
    for seconds, windows in ((0.2, 1), (0.4, 3)):
        metrics.step_s.observe(seconds)
        metrics.step_windows.observe(windows)
    found = work.averages(registry, now_s=2.0)
    assert (found.steps, found.step_windows, found.notes, found.note_s) == (2, 2.0, 0, None)
    assert found.step_s is not None
    assert round(found.step_s, 6) == 0.3
    metrics.note_s.observe(3.0)
    later = work.averages(registry, now_s=OVER_S + 1)
    assert (later.steps, later.notes, later.note_s) == (2, 1, 3.0)
    assert work.averages(registry, now_s=2 * OVER_S + 2).steps == 0


def test_a_worker_without_metrics_has_no_averages() -> None:
    assert RecentWork().averages(None, now_s=1.0).step_s is None
