"""`/v1/webhooks`: the secret is shown once, private addresses are refused, deliveries can be replayed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from api.auth.keys import create_key, revoke_key
from api.webhooks import WEBHOOKS_LIMIT
from schema.core.states import DeliveryState, Scope, WebhookEvent
from schema.core.tables import now
from schema.webhooks.outbox import Delivery, announce
from tests.api.conftest import Api

URL = "http://127.0.0.1:9/hook"


@pytest.fixture
def api(start: Callable[..., Api]) -> Api:
    """An API that may send webhooks to this machine, so that no host name has to be resolved."""
    return start(webhook_private=True)


def add(api: Api, **fields: object) -> dict[str, Any]:
    answer = api.http.post("/v1/webhooks", json={"url": URL, **fields})
    assert answer.status_code == 201, answer.text
    added: dict[str, Any] = answer.json()
    return added


def tell(api: Api, *meeting_ids: str) -> None:
    with api.database.write() as session:
        for meeting_id in meeting_ids:
            announce(session, "local", WebhookEvent.MEETING_FINISHED, {"meeting_id": meeting_id})
            session.flush()


def test_the_secret_is_shown_when_a_webhook_is_added_and_never_again(api: Api) -> None:
    added = add(api, events=["minutes.final", "meeting.finished", "minutes.final"])
    assert added.pop("secret").startswith("whsec_")
    assert added["events"] == ["meeting.finished", "minutes.final"]
    assert api.http.get("/v1/webhooks").json() == {"webhooks": [added]}


def test_a_webhook_gets_every_event_by_default(api: Api) -> None:
    assert add(api)["events"] == ["meeting.finished", "minutes.final", "upload.failed"]


def test_removing_a_webhook_removes_its_deliveries(api: Api) -> None:
    path = f"/v1/webhooks/{add(api)['id']}"
    tell(api, "m")
    assert api.http.delete(path).status_code == 204
    assert api.http.delete(path).status_code == 404
    assert api.http.get(f"{path}/deliveries").status_code == 404
    assert api.http.get("/v1/webhooks").json() == {"webhooks": []}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"url": "http://127.0.0.1:8765/"}, "resolves to 127.0.0.1, which is not a public address"),
        (
            {"url": "http://localhost:6379/"},
            "is not a public address; use another host, or set MINUTEBOOK_WEBHOOK_PRIVATE=1",
        ),
        ({"url": "http://169.254.169.254/latest/meta-data"}, "169.254.169.254, which is not a public address"),
        ({"url": "http://[::ffff:10.0.0.1]/"}, "is not a public address"),
        ({"url": "gopher://example.com/"}, "write https://host/path"),
        ({"url": "https://me:hunter2@example.com/"}, "leave them out"),
        ({"url": f"https://{'a' * 2000}.com/"}, "String should have at most 2000 characters"),
        ({"url": "https://example.com/", "events": []}, "at least 1 item"),
        ({"url": "https://example.com/", "events": ["meeting.began"]}, "'meeting.finished', 'minutes.final'"),
    ],
)
def test_an_invalid_webhook_is_refused(start: Callable[..., Api], body: dict[str, object], message: str) -> None:
    api = start()
    answer = api.http.post("/v1/webhooks", json=body)
    assert answer.status_code == 422
    assert message in answer.json()["detail"]
    assert "hunter2" not in answer.text
    assert api.http.get("/v1/webhooks").json() == {"webhooks": []}


def test_more_webhooks_than_the_limit_are_refused(api: Api) -> None:
    for _ in range(WEBHOOKS_LIMIT):
        add(api)
    answer = api.http.post("/v1/webhooks", json={"url": URL})
    assert answer.status_code == 409
    assert "the limit is 20; remove one first" in answer.json()["detail"]


def test_deliveries_are_listed_newest_first_and_filtered_by_state(api: Api) -> None:
    path = f"/v1/webhooks/{add(api)['id']}/deliveries"
    tell(api, "a", "b", "c")
    seen, cursor = [], None
    while True:
        page = api.http.get(path, params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        seen += [each["data"]["meeting_id"] for each in page["deliveries"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == ["c", "b", "a"]
    with api.database.write() as session:
        session.execute(update(Delivery).where(Delivery.id == 2).values(state=DeliveryState.DEAD, ended_at=now()))
    (dead,) = api.http.get(path, params={"state": "dead"}).json()["deliveries"]
    assert (dead["id"], dead["state"], dead["due_at"]) == (2, "dead", None)
    assert dead["ended_at"]


def test_replaying_a_dead_delivery_resets_it_and_keeps_its_id(api: Api) -> None:
    path = f"/v1/webhooks/{add(api)['id']}/deliveries"
    tell(api, "m")
    (before,) = api.http.get(path).json()["deliveries"]
    values = {"state": DeliveryState.DEAD, "attempts": 9, "http_status": 500, "error": "no", "ended_at": now()}
    with api.database.write() as session:
        session.execute(update(Delivery).values(values))
    for _ in range(2):
        answer = api.http.post(f"{path}/{before['id']}/replay")
        assert answer.status_code == 202
    after = answer.json()
    assert after.pop("due_at") > before.pop("due_at")
    assert after == before
    assert api.http.post(f"{path}/99/replay").status_code == 404
    assert api.http.post(f"{path}/{2**63}/replay").status_code == 422


def test_another_key_cannot_see_or_change_a_webhook_and_a_revoked_key_gets_no_deliveries(
    start: Callable[..., Api],
) -> None:
    api = start(auth="on", webhook_private=True)
    scopes = {"mine": [Scope.READ, Scope.WRITE], "yours": [Scope.READ, Scope.WRITE], "reader": [Scope.READ]}
    keys = {name: create_key(api.database, name, granted) for name, granted in scopes.items()}

    def asked(name: str, method: str, path: str, **body: object) -> httpx.Response:
        headers = {"Authorization": f"Bearer {keys[name].key}"}
        return api.http.request(method, f"/v1/webhooks{path}", headers=headers, json=body or None)

    added = asked("mine", "POST", "", url=URL).json()
    assert asked("yours", "GET", "").json() == {"webhooks": []}
    assert asked("yours", "GET", f"/{added['id']}/deliveries").status_code == 404
    assert asked("yours", "POST", f"/{added['id']}/deliveries/1/replay").status_code == 404
    assert asked("yours", "DELETE", f"/{added['id']}").status_code == 404
    assert asked("reader", "POST", "", url=URL).status_code == 403
    assert len(asked("mine", "GET", "").json()["webhooks"]) == 1
    revoke_key(api.database, keys["mine"].id)
    with api.database.write() as session:
        announce(session, keys["mine"].id, WebhookEvent.MEETING_FINISHED, {"meeting_id": "m"})
        session.flush()
        assert session.query(Delivery).count() == 0
