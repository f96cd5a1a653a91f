"""What Prometheus reads from a stack, by Prometheus' own parser."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from schema.core.queues import ALL_QUEUES
from tests.running_stack import RunningStack


class Scrape:
    """One reading of one address."""

    def __init__(self, text: str) -> None:
        self.families: dict[str, Metric] = {each.name: each for each in text_string_to_metric_families(text)}

    @property
    def names(self) -> set[str]:
        """The names of all samples."""
        return {sample.name for family in self.families.values() for sample in family.samples}

    def value(self, name: str, **labels: str) -> float:
        """The sum of the samples with this name and these labels."""
        return sum(value for found, has, value in self._samples() if found == name and labels.items() <= has.items())

    def labels(self) -> Iterator[tuple[str, str, str]]:
        """Metric, label, value."""
        for name, labels, _ in self._samples():
            yield from ((name, label, value) for label, value in labels.items())

    def _samples(self) -> Iterator[tuple[str, dict[str, str], float]]:
        for family in self.families.values():
            yield from ((sample.name, sample.labels, sample.value) for sample in family.samples)


def scrape_api(running: RunningStack) -> Scrape:
    return _scrape(f"{running.stack.api_url}/metrics")


def scrape_worker(running: RunningStack, queue: str) -> Scrape:
    return _scrape(worker_url(running, queue))


def worker_url(running: RunningStack, queue: str) -> str:
    return f"http://127.0.0.1:{running.stack.addresses.metrics_port + ALL_QUEUES.index(queue)}/metrics"


def _scrape(url: str) -> Scrape:
    answer = httpx.get(url, trust_env=False, timeout=60)
    answer.raise_for_status()
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return Scrape(answer.text)
