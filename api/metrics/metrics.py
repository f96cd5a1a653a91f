"""The metrics of an API process."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

HTTP_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
APPEND_BUCKETS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER = "other"
"""The method or route of requests for which there is none. Callers may send any number of names."""


class ApiMetrics:
    """Counters and histograms. No label has a value of which there may be any number, such as a meeting's id."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.http_s = Histogram(
            "minutebook_http_request_seconds",
            "Time from the head of a request to the head of its answer.",
            ["method", "route", "status"],
            registry=self.registry,
            buckets=HTTP_BUCKETS_S,
        )
        self.sockets = Gauge("minutebook_live_sockets", "Open WebSockets.", registry=self.registry)
        self.append_s = Histogram(
            "minutebook_append_seconds",
            "Time until a piece of audio was in its mailbox.",
            registry=self.registry,
            buckets=APPEND_BUCKETS_S,
        )
        self.refused = Counter(
            "minutebook_appends_refused",
            "Pieces of audio that no mailbox took, by the type of the problem.",
            ["problem"],
            registry=self.registry,
        )
