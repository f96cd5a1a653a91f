"""`minutebook webhooks` against a real API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from schema.core.database import Database
from schema.core.states import DeliveryState, WebhookEvent
from schema.core.tables import now
from schema.webhooks.outbox import Delivery, Webhook, announce
from tests.api.cli.conftest import RunMinutebook
from tests.api.process import ApiProcess

URL = "http://127.0.0.1:9/hook"


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory, valkey_url: str) -> Iterator[ApiProcess]:
    """An API that allows webhooks to this machine."""
    running = ApiProcess(tmp_path_factory.mktemp("api"), valkey_url, webhook_private="1")
    running.start()
    yield running
    running.end()


@pytest.fixture
def api(process: ApiProcess, monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> ApiProcess:
    """The API that the commands use, without webhooks."""
    monkeypatch.setenv("MINUTEBOOK_URL", process.url)
    database = Database(process.settings.sql_url)
    with database.write() as session:
        session.execute(delete(Webhook))
    database.close()
    return process


def give_up(database: Database) -> None:
    with database.write() as session:
        values = {"state": DeliveryState.DEAD, "attempts": 9, "error": "the receiver answered 500", "ended_at": now()}
        session.execute(update(Delivery).values(values))


def test_a_webhook_is_added_listed_replayed_and_removed(minutebook: RunMinutebook, api: ApiProcess) -> None:
    assert minutebook("webhooks", "list").out.startswith("no webhooks yet; add one with 'minutebook webhooks add URL'")
    added = minutebook("webhooks", "add", URL, "--event", "meeting.finished")
    webhook_id, secret = added.out.split()
    assert secret.startswith("whsec_")
    listed = minutebook("webhooks", "list").out
    assert f"meeting.finished  {URL}" in listed
    assert secret not in listed + minutebook("webhooks", "list", "--json").out
    assert minutebook("webhooks", "deliveries", webhook_id).out == "no deliveries yet\n"

    database = Database(api.settings.sql_url)
    with database.write() as session:
        for meeting_id in ("m1", "m2", "m3"):
            announce(session, "local", WebhookEvent.MEETING_FINISHED, {"meeting_id": meeting_id})
            session.flush()
    give_up(database)
    shown = minutebook("webhooks", "deliveries", webhook_id, "--state", "dead").out
    assert [line.split()[4:7] for line in shown.splitlines()[1:]] == [[m, "dead", "9"] for m in ("m3", "m2", "m1")]
    assert "the receiver answered 500" in shown
    newest = shown.splitlines()[1].split()[0]
    assert minutebook("webhooks", "replay", webhook_id, newest).out == "1 delivery will be sent again\n"
    assert minutebook("webhooks", "replay", webhook_id, "--dead").out == "2 deliveries will be sent again\n"
    lines = minutebook("webhooks", "deliveries", webhook_id, "--json").out.splitlines()
    assert {json.loads(line)["state"] for line in lines} == {"pending"}
    database.close()

    assert minutebook("webhooks", "remove", webhook_id).status == 0
    assert minutebook("webhooks", "list").out.startswith("no webhooks yet")
    assert "this key has no webhook" in minutebook("webhooks", "remove", webhook_id).err


def test_replay_dead_sends_more_deliveries_than_fit_on_a_page(minutebook: RunMinutebook, api: ApiProcess) -> None:
    webhook_id = minutebook("webhooks", "add", URL).out.split()[0]
    database = Database(api.settings.sql_url)
    with database.write() as session:
        for number in range(60):
            announce(session, "local", WebhookEvent.MEETING_FINISHED, {"meeting_id": str(number)})
    give_up(database)
    database.close()
    assert minutebook("webhooks", "replay", webhook_id, "--dead").out == "60 deliveries will be sent again\n"
    assert minutebook("webhooks", "replay", webhook_id, "--dead").out == "0 deliveries will be sent again\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("webhooks", "replay", "wh_1"), "give either the id of a delivery or --dead"),
        (("webhooks", "add", "ftp://example.com"), "write https://host/path"),
    ],
)
def test_invalid_arguments_are_refused(
    minutebook: RunMinutebook, api: ApiProcess, arguments: tuple[str, ...], message: str
) -> None:
    refused = minutebook(*arguments)
    assert refused.status == 2
    assert message in refused.err
