"""`GET /metrics` of the API: who may read it, and what it says while a store is away."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.auth.keys import create_key, revoke_key
from schema.core.settings import Settings
from schema.core.states import Scope
from tests import servers
from tests.api.conftest import Api
from tests.servers import free_port
from workers.metrics.files import FOLDER_VARIABLE
from workers.metrics.server import MetricsServer, serve_metrics

SECOND = b"\x01\x00" * 16_000


def samples(answer: httpx.Response) -> dict[tuple[str, str], float]:
    """Values by name and the value of the last label."""
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {
        (sample.name, next(reversed(sample.labels.values()), "")): sample.value
        for family in families
        for sample in family.samples
    }


def bearer(api: Api, scope: Scope) -> dict[str, str]:
    return {"Authorization": f"Bearer {create_key(api.database, 'me', [scope]).key}"}


def test_where_keys_are_asked_for_metrics_need_one_with_their_scope(start: Callable[..., Api]) -> None:
    api = start(auth="on")
    assert api.http.get("/metrics").status_code == 401
    refused = api.http.get("/metrics", headers=bearer(api, Scope.READ))
    assert (refused.status_code, refused.json()["scope"]) == (403, "metrics")
    for scope in (Scope.METRICS, Scope.ADMIN):
        assert samples(api.http.get("/metrics", headers=bearer(api, scope)))["minutebook_store_up", "redis"] == 1
    assert api.http.get("/v1/meetings", headers=bearer(api, Scope.METRICS)).status_code == 403


def test_refused_audio_is_counted_by_problem(api: Api) -> None:
    meeting = api.create()
    assert api.send(meeting, 0, SECOND).status_code == 200
    assert api.send(meeting, 48_000, SECOND).status_code == 409
    found = samples(api.http.get("/metrics"))
    assert found["minutebook_appends_refused_total", "audio-gap"] == 1
    assert found["minutebook_append_seconds_count", ""] == 2
    assert found["minutebook_pending_audio_seconds", ""] == 1.0
    assert found["minutebook_tracks", "due"] == 1


def test_while_redis_is_away_the_rest_is_still_served(start: Callable[..., Api], tmp_path: Path) -> None:
    folder = tmp_path / "valkey"
    folder.mkdir()
    with servers.valkey(folder) as server:
        api = start(redis_url=server.url)
        server.kill()
        found = samples(api.http.get("/metrics"))
    assert found["minutebook_store_up", "redis"] == 0
    assert found["minutebook_store_up", "database"] == 1
    assert ("minutebook_tracks", "due") not in found
    assert found["minutebook_meetings", "live"] == 0


def test_a_paused_queue_shows(api: Api) -> None:
    assert samples(api.http.get("/metrics"))["minutebook_queue_paused", "summarize"] == 0
    api.http.post("/v1/queues/summarize/pause").raise_for_status()
    found = samples(api.http.get("/metrics"))
    assert (found["minutebook_queue_paused", "summarize"], found["minutebook_queue_paused", "ingest"]) == (1, 0)


@pytest.fixture
def worker_url(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A worker's metrics that listen beyond loopback."""
    folder = tmp_path / "shared"
    folder.mkdir()
    monkeypatch.setenv(FOLDER_VARIABLE, str(folder))
    port = free_port()
    server = serve_metrics("0.0.0.0", port, api.config.sql_url)
    assert isinstance(server, MetricsServer)
    yield f"http://127.0.0.1:{port}/metrics"
    server.shutdown()
    server.server_close()
    assert server.database is not None
    server.database.close()


def test_a_worker_that_listens_beyond_loopback_asks_for_a_key(api: Api, worker_url: str) -> None:
    key = create_key(api.database, "prometheus", [Scope.METRICS])
    headers = {"Authorization": f"Bearer {key.key}"}
    assert httpx.get(worker_url, trust_env=False).status_code == 401
    assert httpx.get(worker_url, headers={"Authorization": "Bearer mb_x"}, trust_env=False).status_code == 401
    assert httpx.get(worker_url, headers=bearer(api, Scope.WRITE), trust_env=False).status_code == 403
    assert samples(httpx.get(worker_url, headers=headers, trust_env=False))[
        "minutebook_process_cpu_seconds_total", "main"
    ]
    revoke_key(api.database, key.id)
    assert httpx.get(worker_url, headers=headers, trust_env=False).status_code == 401


def test_a_taken_port_costs_a_worker_only_its_metrics(
    settings: Callable[..., Settings], caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert serve_metrics("127.0.0.1", port, settings().sql_url) is None
    assert f"port {port}" in caplog.text
    assert "MINUTEBOOK_METRICS_PORT" in caplog.text
