"""The dashboard and the alerts ask only for metrics that exist, with labels and values that they have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.core import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

from api.metrics.metrics import ApiMetrics
from schema.core import errors, queues
from schema.core.states import CoverageKind, SummaryKind
from tests.api.conftest import Api
from tests.deploy.test_compose import SERVICES
from tests.models import ROOT
from workers.metrics.machine import MachineCollector
from workers.metrics.metrics import WorkerMetrics

FOLDER = ROOT / "deploy" / "monitoring"
DASHBOARD = json.loads((FOLDER / "grafana" / "dashboard.json").read_text())
ALERTS = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"][0]["rules"]
PROMETHEUS = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
OF_TARGETS = {"up": {"job", "instance"}}
VALUES = {
    "kind": {*CoverageKind, *SummaryKind, "used", "limit"},
    "problem": {each.slug for each in vars(errors).values() if isinstance(each, type) and hasattr(each, "slug")},
    "job": {each["job_name"] for each in PROMETHEUS["scrape_configs"]},
}


def queries() -> Iterator[tuple[str, str]]:
    """Every query by the name of its panel or alert, with Grafana's variables filled in."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"].replace("$__rate_interval", "1m")
    for rule in ALERTS:
        yield rule["alert"], rule["expr"]


def selectors(query: str) -> list[Any]:
    """The selectors of *query*, such as `minutebook_meetings{state="live"}`. Raises ValueError if it is no query."""
    found: list[Any] = []

    def take(expression: Any) -> None:
        if isinstance(expression, promql_parser.VectorSelector):
            found.append(expression)
        elif isinstance(expression, promql_parser.MatrixSelector):
            found.append(expression.vector_selector)

    promql_parser.walk(promql_parser.parse(query), take)
    return found


@pytest.fixture
def known(api: Api) -> dict[str, set[str]]:
    """The labels of every metric that an API and a worker show, by the names that Prometheus gives its series."""
    registry = CollectorRegistry()
    metrics = (WorkerMetrics(registry), ApiMetrics())
    registry.register(MachineCollector())
    found: dict[str, set[str]] = dict(OF_TARGETS)
    for each in (value for group in metrics for value in vars(group).values() if isinstance(value, MetricWrapperBase)):
        for end in ("", "_total", "_bucket", "_sum", "_count"):
            found[f"{each._name}{end}"] = set(each._labelnames)
    shown = generate_latest(registry).decode() + api.http.get("/metrics").text
    for family in text_string_to_metric_families(shown):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    for name in re.findall(r"# TYPE (\S+)", shown):  # those of GPUs have no series here
        found.setdefault(name, {"device"})
    return {name: labels | {"job", "instance", "le"} for name, labels in found.items()}


def test_every_query_names_metrics_labels_and_values_that_exist(known: dict[str, set[str]]) -> None:
    wrong = []
    for title, query in queries():
        found = selectors(query)
        assert found, query
        for each in found:
            if each.name not in known:
                wrong.append(f"{title}: there is no {each.name}")
                continue
            for matcher in each.matchers.matchers:
                values = set(matcher.value.split("|"))
                if matcher.name not in known[each.name] or not values <= VALUES[matcher.name]:
                    wrong.append(f"{title}: {each.name} has no {matcher.name}={matcher.value}")
        for label in re.findall(r"by \(([^)]*)\)", query):
            wrong += [
                f"{title}: no metric there has {name}"
                for name in map(str.strip, label.split(","))
                if not any(name in known.get(each.name, ()) for each in found)
            ]
    assert wrong == []


def test_every_metric_of_the_documentation_is_on_the_dashboard() -> None:
    table = (ROOT / "docs" / "operate.md").read_text()
    named = set(re.findall(r"^\| (`minutebook_.*?) \|", table, re.M))
    wanted = {name.removesuffix("_total") for cell in named for name in re.findall(r"minutebook_\w+", cell)}
    asked = " ".join(query for _, query in queries())
    assert sorted(name for name in wanted if name not in asked) == []


def test_every_alert_has_a_paragraph_that_says_what_to_do() -> None:
    text = (ROOT / "docs" / "operate.md").read_text()
    anchors = {heading.lower().replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.M)}
    for rule in ALERTS:
        page, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert (page, anchor in anchors) == ("docs/operate.md", True), rule["alert"]
        assert f"`{rule['alert']}`" in text


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert taken.isdisjoint(cells), panel["title"]
        taken |= cells


def test_prometheus_reads_every_process_that_has_metrics() -> None:
    [job] = PROMETHEUS["scrape_configs"]
    first = int(SERVICES["transcribe"]["environment"]["MINUTEBOOK_METRICS_PORT"])
    port = SERVICES["api"]["environment"]["MINUTEBOOK_API_PORT"]
    workers = [f"{name}:{first + place}" for place, name in enumerate(queues.ALL_QUEUES)]
    assert job["static_configs"] == [{"targets": [f"api:{port}", *workers]}]


def test_what_the_containers_of_prometheus_and_grafana_read_exists() -> None:
    for name in ("prometheus", "grafana"):
        for volume in SERVICES[name]["volumes"]:
            source = volume.partition(":")[0]
            assert not source.startswith("./") or (ROOT / "deploy" / source).is_file(), volume
