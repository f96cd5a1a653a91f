"""API keys: authentication, scopes, ownership of meetings, rate limits, and that keys are never stored or logged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from api.auth import key_cache
from api.auth.keys import NewKey, create_key, list_keys, revoke_key
from schema.core.errors import InvalidInput, NotFound
from schema.core.settings import Settings
from schema.core.states import Scope
from tests.api.conftest import Api
from tests.api.process import api_process
from tests.api.sockets import event_stream, live
from tests.waiting import wait_until

SECOND = b"\x01\x00" * 16_000
KEY_CHECK_FAILED = "keys of open connections"


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    """An API that requires keys."""
    return start(auth="on")


@pytest.fixture
def key(api: Api) -> Callable[..., NewKey]:
    def make(*scopes: Scope, requests_per_minute: int | None = None) -> NewKey:
        return create_key(api.database, "test", scopes, requests_per_minute)

    return make


def bearer(key: NewKey) -> dict[str, str]:
    return {"Authorization": f"Bearer {key.key}"}


def create(api: Api, key: NewKey) -> str:
    answer = api.http.post("/v1/meetings", json={}, headers=bearer(key))
    assert answer.status_code == 201, answer.text
    meeting_id: str = answer.json()["id"]
    return meeting_id


def test_a_request_without_a_key_is_a_401_that_names_the_header(api: Api) -> None:
    answer = api.http.get("/v1/meetings")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert answer.json()["type"] == "urn:minutebook:problem:unauthorized"
    assert "Authorization: Bearer" in answer.json()["detail"]


@pytest.mark.parametrize("wrong", ["nonsense", "mb_0123456789ab_" + "A" * 43, "mb_"])
def test_a_wrong_key_is_refused(api: Api, key: Callable[..., NewKey], wrong: str) -> None:
    key(Scope.READ)
    answer = api.http.get("/v1/meetings", headers={"Authorization": f"Bearer {wrong}"})
    assert answer.status_code == 401
    assert "minutebook keys create" in answer.json()["detail"]


def test_a_known_key_id_with_a_wrong_secret_is_refused(api: Api, key: Callable[..., NewKey]) -> None:
    made = key(Scope.READ)
    forged = f"mb_{made.id}_{'A' * 43}"
    assert api.http.get("/v1/meetings", headers={"Authorization": f"Bearer {forged}"}).status_code == 401
    assert api.http.get("/v1/meetings", headers=bearer(made)).status_code == 200


def test_a_key_without_the_scope_is_a_403_that_names_the_scope(api: Api, key: Callable[..., NewKey]) -> None:
    answer = api.http.post("/v1/meetings", json={}, headers=bearer(key(Scope.READ)))
    assert answer.status_code == 403
    assert answer.json()["scope"] == "write"
    assert "'write'" in answer.json()["detail"]


def test_a_meeting_of_another_key_looks_like_an_unknown_one(api: Api, key: Callable[..., NewKey]) -> None:
    mine, other = key(Scope.READ, Scope.WRITE), key(Scope.READ, Scope.WRITE)
    meeting = create(api, mine)
    assert api.http.get(f"/v1/meetings/{meeting}", headers=bearer(mine)).status_code == 200
    hidden = api.http.get(f"/v1/meetings/{meeting}", headers=bearer(other))
    unknown = api.http.get("/v1/meetings/nothing", headers=bearer(other))
    assert hidden.status_code == unknown.status_code == 404
    assert hidden.json()["detail"].replace(meeting, "nothing") == unknown.json()["detail"]
    assert api.http.delete(f"/v1/meetings/{meeting}", headers=bearer(other)).status_code == 404
    assert api.http.get("/v1/meetings", headers=bearer(other)).json()["meetings"] == []
    with live(api, meeting, additional_headers=bearer(other)) as socket:
        assert socket.end()[0] == 4404


def test_an_admin_key_sees_every_meeting(api: Api, key: Callable[..., NewKey]) -> None:
    meeting = create(api, key(Scope.WRITE))
    admin = key(Scope.ADMIN)
    assert api.http.get(f"/v1/meetings/{meeting}", headers=bearer(admin)).status_code == 200
    assert [each["id"] for each in api.http.get("/v1/meetings", headers=bearer(admin)).json()["meetings"]] == [meeting]


def test_a_revoked_key_is_refused_by_a_process_that_has_not_seen_it(
    api: Api, start: Callable[..., Api], key: Callable[..., NewKey]
) -> None:
    made = key(Scope.READ)
    assert api.http.get("/v1/meetings", headers=bearer(made)).status_code == 200
    revoke_key(api.database, made.id)
    revoke_key(api.database, made.id)
    assert start(auth="on").http.get("/v1/meetings", headers=bearer(made)).status_code == 401


@pytest.fixture
def short_key_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a revoked key expire from the cache at once."""
    monkeypatch.setattr(key_cache, "CACHE_S", 0.1)
    monkeypatch.setattr(key_cache, "RECHECK_S", 0.05)


@pytest.mark.usefixtures("short_key_cache")
def test_an_open_socket_is_closed_when_its_key_is_revoked(api: Api, key: Callable[..., NewKey]) -> None:
    mine, other = key(Scope.READ, Scope.WRITE), key(Scope.ADMIN)
    meeting = create(api, mine)
    with (
        live(api, meeting, additional_headers=bearer(mine)) as socket,
        live(api, meeting, additional_headers=bearer(other)) as still_open,
    ):
        socket.send(0, SECOND)
        socket.next_of("ack")
        revoke_key(api.database, mine.id)
        assert socket.next_of("error")["type"] == "urn:minutebook:problem:unauthorized"
        code, reason = socket.end()
        assert code == 4401
        assert "was revoked" in reason
        still_open.send(16_000, SECOND)
        assert still_open.next_of("ack")["received_sample"] == 32_000


@pytest.mark.usefixtures("short_key_cache")
def test_an_event_stream_ends_with_the_reason_when_its_key_is_revoked(api: Api, key: Callable[..., NewKey]) -> None:
    made = key(Scope.READ, Scope.WRITE)
    with event_stream(api, create(api, made), headers=bearer(made)) as stream:
        next(stream)
        revoke_key(api.database, made.id)
        *_, last = stream
        assert last["event"] == "error"
        assert last["data"]["type"] == "urn:minutebook:problem:unauthorized"
        assert "was revoked" in last["data"]["detail"]


@pytest.mark.usefixtures("short_key_cache")
def test_an_unavailable_database_closes_no_open_socket(
    api: Api, key: Callable[..., NewKey], caplog: pytest.LogCaptureFixture
) -> None:
    made = key(Scope.READ, Scope.WRITE)
    with live(api, create(api, made), additional_headers=bearer(made)) as socket:
        socket.next_of("coverage")
        with api.database.write() as session:
            session.execute(text("ALTER TABLE api_keys RENAME TO away"))
        wait_until("the failed check of keys is logged", lambda: caplog.text, lambda log: KEY_CHECK_FAILED in log)
        socket.send(0, SECOND)
        assert socket.next_of("ack")["received_sample"] == 16_000
        with api.database.write() as session:
            session.execute(text("ALTER TABLE away RENAME TO api_keys"))
        revoke_key(api.database, made.id)
        assert socket.end()[0] == 4401


def test_requests_over_the_rate_limit_are_a_429_with_the_wait(api: Api, key: Callable[..., NewKey]) -> None:
    made = key(Scope.READ, requests_per_minute=3)
    answers = [api.http.get("/v1/meetings", headers=bearer(made)) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert answers[-1].json()["type"] == "urn:minutebook:problem:rate-limited"
    assert answers[-1].json()["retry_after_ms"] >= 1000
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 60
    other = key(Scope.READ)
    assert api.http.get("/v1/meetings", headers=bearer(other)).status_code == 200


def test_a_live_socket_accepts_the_key_as_a_header(api: Api, key: Callable[..., NewKey]) -> None:
    made = key(Scope.READ, Scope.WRITE)
    with live(api, create(api, made), additional_headers=bearer(made)) as socket:
        socket.send(0, SECOND)
        assert socket.next_of("ack")["received_sample"] == 16_000


def test_a_live_socket_accepts_the_key_as_a_subprotocol_and_does_not_echo_it(
    api: Api, key: Callable[..., NewKey]
) -> None:
    made = key(Scope.READ, Scope.WRITE)
    meeting = create(api, made)
    offered = ["minutebook", f"minutebook.key.{made.key}"]
    with live(api, meeting, subprotocols=offered) as socket:
        assert socket.connection.subprotocol == "minutebook"
        socket.send(0, SECOND)
        assert socket.next_of("ack")["received_sample"] == 16_000


def test_a_live_socket_without_a_key_is_closed_with_the_reason(api: Api, key: Callable[..., NewKey]) -> None:
    with live(api, create(api, key(Scope.WRITE))) as socket:
        assert socket.next_of("error")["type"] == "urn:minutebook:problem:unauthorized"
        code, reason = socket.end()
        assert code == 4401
        assert "no API key" in reason


def test_a_key_in_the_url_is_not_accepted(api: Api, key: Callable[..., NewKey]) -> None:
    made = key(Scope.ADMIN)
    with live(api, create(api, made), f"?key={made.key}") as socket:
        assert socket.end()[0] == 4401


def test_a_read_key_receives_events_but_may_not_send_audio(api: Api, key: Callable[..., NewKey]) -> None:
    meeting = create(api, key(Scope.WRITE))
    reader = key(Scope.READ)
    with live(api, meeting, additional_headers=bearer(reader)) as socket:
        assert socket.end()[0] == 4404
    both = key(Scope.READ, Scope.WRITE)
    own = create(api, both)
    with api.database.write() as session:
        session.execute(text("UPDATE meetings SET owner = :owner WHERE id = :id"), {"owner": reader.id, "id": own})
    with live(api, own, additional_headers=bearer(reader)) as socket:
        assert socket.next_of("state")["state"] == "live"
        socket.send(0, SECOND)
        assert socket.next_of("error")["scope"] == "write"
        assert socket.end()[0] == 4403


def test_keys_are_stored_only_as_hashes(api: Api, key: Callable[..., NewKey]) -> None:
    made = key(Scope.READ)
    with api.database.read() as session:
        rows = session.execute(text("SELECT * FROM api_keys")).all()
    assert made.key.split("_")[-1] not in repr(rows)
    assert [(facts.id, facts.name, facts.scopes) for facts in list_keys(api.database)] == [
        (made.id, "test", (Scope.READ,))
    ]


def test_keys_and_queries_are_never_logged(settings: Callable[..., Settings], tmp_path: Path) -> None:
    log = tmp_path / "log"
    with api_process(settings(auth="on"), log) as api:
        made = create_key(api.database, "test", [Scope.READ, Scope.WRITE])
        meeting = create(api, made)
        api.http.get(f"/v1/meetings/{meeting}?key={made.key}", headers=bearer(made))
        api.http.get("/v1/meetings", headers={"Authorization": f"Bearer {made.key}x"})
        offered = ["minutebook", f"minutebook.key.{made.key}"]
        with live(api, meeting, f"?key={made.key}", subprotocols=offered) as socket:
            socket.next_of("state")
    lines = log.read_text()
    assert f'"GET /v1/meetings/{meeting} HTTP/1.1" 200' in lines
    assert f'"WebSocket /v1/meetings/{meeting}/live" [accepted]' in lines
    assert made.key not in lines


@pytest.mark.parametrize(
    ("name", "scopes", "limit"), [("", [Scope.READ], None), ("x", [], None), ("x", [Scope.READ], 0)]
)
def test_a_key_without_name_scope_or_positive_limit_is_not_created(
    api: Api, name: str, scopes: list[Scope], limit: int | None
) -> None:
    with pytest.raises(InvalidInput):
        create_key(api.database, name, scopes, limit)
    with pytest.raises(NotFound, match="keys list"):
        revoke_key(api.database, "unknown")


def test_health_and_readiness_need_no_key_but_status_does(api: Api) -> None:
    assert api.http.get("/healthz").json() == {"status": "ok"}
    assert api.http.get("/readyz").status_code == 200
    assert api.http.get("/v1/status").status_code == 401


def test_a_meeting_that_names_no_language_for_its_minutes_gets_that_of_its_key(start: Callable[..., Api]) -> None:
    api = start(auth="on")
    key = create_key(api.database, "Mia", [Scope.READ, Scope.WRITE], minutes_language="de").key
    headers = {"Authorization": f"Bearer {key}"}
    wanted = [
        api.http.post("/v1/meetings", json=fields, headers=headers).json()["minutes_language"]
        for fields in ({}, {"minutes_language": "fr"})
    ]
    assert wanted == ["de", "fr"]


def test_a_key_with_an_unknown_language_is_refused(api: Api) -> None:
    with pytest.raises(InvalidInput, match="minutes_language 'German' is not known; give a code"):
        create_key(api.database, "Mia", [Scope.READ], minutes_language="German")
