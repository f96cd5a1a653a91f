"""Health, readiness and status, and operation while Redis or the database is unavailable."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from celery import Celery

from api.auth.keys import create_key
from schema.core import migrate, queues
from schema.core.states import Scope
from tests import servers
from tests.api.conftest import Api
from tests.api.sockets import live
from tests.immutable import immutable
from tests.waiting import wait_until

SECOND = b"\x01\x00" * 16_000


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[servers.Valkey]:
    """A Valkey for the test alone, which may be killed and keeps what it has acknowledged."""
    folder = tmp_path / "valkey"
    folder.mkdir()
    with servers.valkey(folder, aof=True) as server:
        yield server


def test_a_working_process_is_healthy_and_ready(api: Api) -> None:
    assert api.http.get("/healthz").json() == {"status": "ok"}
    readiness = api.http.get("/readyz").json()
    assert readiness["ready"] is True
    assert readiness["parts"]["database"]["detail"] == f"at revision {migrate.head()}"


def test_an_unmigrated_database_is_reported_with_the_remedy(api: Api) -> None:
    migrate.downgrade(api.database, "base")
    answer = api.http.get("/readyz")
    assert answer.status_code == 503
    assert "minutebook db upgrade" in answer.json()["parts"]["database"]["detail"]
    listed = api.http.get("/v1/meetings")
    assert listed.status_code == 503
    assert listed.json()["type"] == "urn:minutebook:problem:unavailable"
    assert "minutebook db upgrade" in listed.json()["detail"]


def test_a_read_only_database_is_reported_until_it_is_writable_again(api: Api) -> None:
    path = Path(str(api.database.url.database))
    assert api.create()
    with immutable(path):
        refused = api.http.post("/v1/meetings", json={})
        answer = api.http.get("/readyz")
    assert answer.status_code == 503
    assert f"{path} is read-only, and the database must write it" in answer.json()["parts"]["database"]["detail"]
    assert refused.status_code == 503
    assert "read-only" in refused.json()["detail"]
    wait_until("the API is ready again", lambda: api.http.get("/readyz").status_code, lambda status: status == 200)
    assert api.create()


def test_without_a_key_only_the_part_that_is_away_is_named(
    own_server: servers.Valkey, start: Callable[..., Api]
) -> None:
    api = start(redis_url=own_server.url, auth="on")
    key = {"Authorization": f"Bearer {create_key(api.database, 'me', [Scope.READ]).key}"}
    place = f"127.0.0.1:{own_server.port}"
    assert place in api.http.get("/readyz", headers=key).text
    assert place not in api.http.get("/readyz").text
    own_server.kill()
    for headers in ({}, {"Authorization": "Bearer mb_wrong"}):
        answer = api.http.get("/readyz", headers=headers)
        assert answer.status_code == 503
        assert answer.json()["parts"] == {
            "redis": {"ok": False, "detail": "cannot be used; send an API key to see why, or read the log of the API"},
            "database": {"ok": True, "detail": "can be used"},
        }
    assert f"Redis at {place}/0 does not answer" in api.http.get("/readyz", headers=key).text


def test_while_the_database_is_away_nobody_learns_its_address_without_a_key_that_was_checked(
    start: Callable[..., Api], caplog: pytest.LogCaptureFixture
) -> None:
    with servers.postgres() as server:
        api = start(database_url=server.url, auth="on")
        server.kill()
        key = {"Authorization": f"Bearer mb_{12 * '0'}_{43 * 'x'}"}
        answers = [api.http.get(path, headers=key) for path in ("/readyz", "/v1/meetings")]
        assert [answer.status_code for answer in answers] == [503, 503]
        assert answers[0].json()["parts"]["database"]["ok"] is False
        assert "the API key cannot be checked, because the database cannot be used" in answers[1].json()["detail"]
        assert not any("postgresql" in answer.text for answer in answers)
        assert "the database postgresql" in caplog.text
        server.start()
        api.database.close()


def test_status_reports_the_pending_audio_of_each_shard(api: Api) -> None:
    api.send(api.create(), 0, SECOND)
    status = api.http.get("/v1/status").json()
    assert status["pending_s"] == 1.0
    assert status["shards"] == [
        {"shard": 0, "waiting_tracks": 1, "due_tracks": 1, "leased_tracks": 0, "pending_s": 1.0}
    ]


def test_status_reports_the_messages_in_every_queue_and_the_age_of_the_oldest(api: Api) -> None:
    with Celery(broker=api.config.redis_url, set_as_current=False) as celery:
        for meeting_id in ("first", "second"):
            celery.send_task(queues.SUMMARIZE, [meeting_id], queue=queues.SUMMARIZE_QUEUE, headers=queues.sent_now())
            time.sleep(0.2)
        celery.send_task(queues.INGEST, [""], queue=queues.INGEST_QUEUE)
    found = {each["queue"]: each for each in api.http.get("/v1/status").json()["queues"]}
    assert list(found) == ["transcribe", "summarize", "ingest"]
    assert found["transcribe"] == {"queue": "transcribe", "waiting": 0, "paused": False, "oldest_s": None}
    assert found["summarize"]["waiting"] == 2
    assert found["summarize"]["oldest_s"] >= 0.4
    assert found["ingest"] == {"queue": "ingest", "waiting": 1, "paused": False, "oldest_s": None}


def test_without_redis_the_api_starts_and_serves_from_the_database(
    own_server: servers.Valkey, start: Callable[..., Api]
) -> None:
    own_server.kill()
    api = start(redis_url=own_server.url)
    assert api.http.get("/readyz").status_code == 503
    meeting = api.create(title="Waits")
    assert api.http.get(f"/v1/meetings/{meeting}").json()["title"] == "Waits"
    refused = api.send(meeting, 0, SECOND)
    assert refused.status_code == 503
    assert refused.json()["retryable"] is True
    assert "MINUTEBOOK_REDIS_URL" in refused.json()["detail"]
    with live(api, meeting) as socket:
        assert socket.end()[0] == 4503
    own_server.start()
    assert api.send(meeting, 0, SECOND).json()["received_sample"] == 16_000
    assert api.http.get("/readyz").status_code == 200


def test_listing_meetings_tries_an_unavailable_redis_only_once(
    own_server: servers.Valkey, start: Callable[..., Api], caplog: pytest.LogCaptureFixture
) -> None:
    api = start(redis_url=own_server.url)
    for number in range(5):
        api.create(title=str(number))
    own_server.kill()
    listed = api.http.get("/v1/meetings").json()["meetings"]
    assert [meeting["title"] for meeting in listed] == ["4", "3", "2", "1", "0"]
    assert caplog.text.count("received since the last commits is not known") == 1


def test_without_redis_keys_are_checked_and_rate_limits_are_off(
    own_server: servers.Valkey, start: Callable[..., Api]
) -> None:
    own_server.kill()
    api = start(redis_url=own_server.url, auth="on")
    key = create_key(api.database, "test", [Scope.READ], requests_per_minute=1)
    headers = {"Authorization": f"Bearer {key.key}"}
    assert [api.http.get("/v1/meetings", headers=headers).status_code for _ in range(2)] == [200, 200]
    assert api.http.get("/v1/meetings").status_code == 401


def test_a_socket_survives_a_restart_of_redis_and_no_received_audio_is_lost(
    own_server: servers.Valkey, start: Callable[..., Api]
) -> None:
    api = start(redis_url=own_server.url)
    with live(api, api.create()) as socket:
        socket.send(0, SECOND)
        assert socket.next_of("ack")["received_sample"] == 16_000
        own_server.kill()
        socket.send(16_000, SECOND)
        error = socket.next_of("error")
        assert (error["type"], error["retryable"]) == ("urn:minutebook:problem:unavailable", True)
        own_server.start()
        socket.send(16_000, SECOND)
        assert socket.next_of("ack")["received_sample"] == 32_000
