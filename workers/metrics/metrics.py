"""The metrics of a worker. Prometheus adds up those of all its processes."""

from __future__ import annotations

from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Histogram

STEP_BUCKETS_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 20, 60)
DELAY_BUCKETS_S = (0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 5, 7.5, 10, 15, 30, 60, 300)
WINDOW_BUCKETS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
WRITING_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)


class WorkerMetrics:
    """Counters and histograms. No label has a value of which there may be any number, such as a meeting's id."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.step_s = Histogram(
            "minutebook_step_seconds",
            "Duration of a step of transcription, from the claim to the events.",
            registry=registry,
            buckets=STEP_BUCKETS_S,
        )
        self.step_windows = Histogram(
            "minutebook_step_windows",
            "Windows that one step decoded as a batch.",
            registry=registry,
            buckets=WINDOW_BUCKETS,
        )
        self.behind_s = Histogram(
            "minutebook_track_behind_seconds",
            "Received audio of a live track that was not committed after a step.",
            registry=registry,
            buckets=DELAY_BUCKETS_S,
        )
        self.latency_s = Histogram(
            "minutebook_committed_latency_seconds",
            "Time from the arrival of the end of a live word to its commit.",
            registry=registry,
            buckets=DELAY_BUCKETS_S,
        )
        self.coverage_s = Counter(
            "minutebook_coverage_seconds", "Committed audio by what became of it.", ["kind"], registry=registry
        )
        self.leases_lost = Counter(
            "minutebook_leases_lost", "Claims that another worker had taken before their commit.", registry=registry
        )
        self.failures = Counter(
            "minutebook_failures", "Tasks that failed for good.", ["task", "reason"], registry=registry
        )
        self.note_s = Histogram(
            "minutebook_note_seconds", "Duration of writing a note.", registry=registry, buckets=WRITING_BUCKETS_S
        )
        self.minutes_s = Histogram(
            "minutebook_minutes_seconds",
            "Duration of making a version of minutes from the notes.",
            ["kind"],
            registry=registry,
            buckets=WRITING_BUCKETS_S,
        )


@lru_cache(maxsize=1)
def metrics() -> WorkerMetrics:
    """The metrics of this process. They are in memory, or in files if `workers.metrics.files` was told so before."""
    return WorkerMetrics(CollectorRegistry())
