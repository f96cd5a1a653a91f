"""A browser signs in with a key once. Its cookie works for the page only, and no longer than its key."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import select, text, update

from api.auth import sessions
from api.auth.bearer import COOKIE
from api.auth.keys import NewKey, create_key, revoke_key
from schema.core.states import Scope
from schema.core.tables import PageSession, now
from tests.api.conftest import Api
from tests.api.sockets import live
from tests.waiting import wait_until


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    """An API that requires keys."""
    return start(auth="on")


@pytest.fixture
def key(api: Api) -> NewKey:
    return create_key(api.database, "browser", [Scope.READ, Scope.WRITE])


def signed_in(api: Api, key: NewKey) -> str:
    """The cookie of a new session."""
    answer = httpx.post(
        f"{api.url}/v1/session", headers={"Authorization": f"Bearer {key.key}"}, trust_env=False, timeout=30
    )
    assert answer.status_code == 200, answer.text
    return answer.cookies[COOKIE]


def by_cookie(cookie: str, **headers: str) -> dict[str, str]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return {"Cookie": f"{COOKIE}={cookie}", **named}


def test_a_key_begins_a_session_whose_cookie_no_script_can_read(api: Api, key: NewKey) -> None:
    answer = api.http.post("/v1/session", headers={"Authorization": f"Bearer {key.key}"})
    assert answer.json() == {"asks_for_key": True, "scopes": ["read", "write"], "audio_retention": "days:30"}
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert key.key.lower() not in cookie
    api.http.cookies.clear()


def test_the_page_reads_and_writes_with_the_cookie_what_its_key_may(api: Api, key: NewKey) -> None:
    cookie = signed_in(api, key)
    headers = by_cookie(cookie, Origin=api.url, Sec_Fetch_Site="same-origin")
    created = api.http.post("/v1/meetings", json={}, headers=headers)
    assert created.status_code == 201
    meeting = created.json()["id"]
    assert api.http.get(f"/v1/meetings/{meeting}", headers=headers).status_code == 200
    by_key = {"Authorization": f"Bearer {key.key}"}
    assert api.http.get(f"/v1/meetings/{meeting}", headers=by_key).status_code == 200
    with live(api, meeting, additional_headers=by_cookie(cookie), origin=api.url) as socket:
        assert socket.next_of("state")["state"] == "live"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {},
    ],
)
def test_no_other_page_writes_with_the_cookie(api: Api, key: NewKey, headers: dict[str, str]) -> None:
    answer = api.http.post("/v1/meetings", json={}, headers=by_cookie(signed_in(api, key), **headers))
    assert answer.status_code == 403
    assert "page of another site" in answer.json()["detail"]


def test_no_other_page_opens_a_socket_with_the_cookie(api: Api, key: NewKey) -> None:
    cookie = signed_in(api, key)
    mine = by_cookie(cookie, Origin=api.url)
    meeting = api.http.post("/v1/meetings", json={}, headers=mine).json()["id"]
    with live(api, meeting, additional_headers=by_cookie(cookie), origin="https://evil.example") as socket:
        assert socket.next_of("error")["status"] == 403


def test_a_proxy_that_passes_on_the_host_may_stand_in_front(api: Api, key: NewKey) -> None:
    cookie = signed_in(api, key)
    theirs = {"Origin": "https://meetings.example", "Sec_Fetch_Site": "same-origin"}
    named = by_cookie(cookie, **theirs, X_Forwarded_Host="meetings.example")
    assert api.http.post("/v1/meetings", json={}, headers=named).status_code == 201
    refused = api.http.post("/v1/meetings", json={}, headers=by_cookie(cookie, **theirs))
    assert "pass on the header Host" in refused.json()["detail"]


def test_a_revoked_key_ends_its_sessions(api: Api, key: NewKey) -> None:
    headers = by_cookie(signed_in(api, key))
    assert api.http.get("/v1/session", headers=headers).status_code == 200
    revoke_key(api.database, key.id)
    wait_until("the session is refused", lambda: api.http.get("/v1/session", headers=headers).status_code == 401)
    with api.database.read() as session:
        assert session.scalars(select(PageSession)).all() == []


def test_signing_out_ends_the_session_and_deletes_the_cookie(api: Api, key: NewKey) -> None:
    headers = by_cookie(signed_in(api, key), Origin=api.url)
    answer = api.http.delete("/v1/session", headers=headers)
    assert answer.status_code == 204
    assert 'minutebook_session=""' in answer.headers["set-cookie"]
    wait_until("the session is refused", lambda: api.http.get("/v1/session", headers=headers).status_code == 401)


def test_an_expired_or_forged_session_is_refused(api: Api, key: NewKey) -> None:
    cookie = signed_in(api, key)
    forged = f"{cookie[:17]}{'A' * 43}"
    assert api.http.get("/v1/session", headers=by_cookie(forged)).status_code == 401
    assert api.http.get("/v1/session", headers=by_cookie("mbs_nonsense")).status_code == 401
    with api.database.write() as session:
        session.execute(update(PageSession).values(expires_at=now() - timedelta(seconds=1)))
    assert api.http.get("/v1/session", headers=by_cookie(cookie)).status_code == 401


def test_a_session_cannot_begin_another_one(api: Api, key: NewKey) -> None:
    headers = by_cookie(signed_in(api, key), Origin=api.url)
    assert api.http.post("/v1/session", headers=headers).status_code == 401


def test_a_key_has_a_bounded_number_of_sessions(api: Api, key: NewKey, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "SESSIONS_OF_A_KEY", 3)
    cookies = [signed_in(api, key) for _ in range(4)]
    answers = [api.http.get("/v1/session", headers=by_cookie(cookie)).status_code for cookie in cookies]
    assert answers == [401, 200, 200, 200]


def test_the_database_does_not_hold_the_token(api: Api, key: NewKey) -> None:
    cookie = signed_in(api, key)
    with api.database.read() as session:
        rows = session.execute(text("SELECT * FROM page_sessions")).all()
    assert len(rows) == 1
    assert cookie.rpartition("_")[2] not in str(rows)


def test_a_server_without_keys_sets_no_cookie(start: Callable[..., Api]) -> None:
    answer = start().http.post("/v1/session")
    assert answer.json() == {"asks_for_key": False, "scopes": ["admin"], "audio_retention": "days:30"}
    assert "set-cookie" not in answer.headers
