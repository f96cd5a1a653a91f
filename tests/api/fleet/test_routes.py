"""The routes for operators, on records that workers would write. `tests/e2e/test_fleet.py` has real workers."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from api.auth.keys import create_key
from schema.core import queues
from schema.core.states import MeetingState, Scope
from schema.fleet.orders import read_orders
from schema.fleet.registry import WORKERS_LIMIT, forget_worker, publish_worker
from schema.fleet.wire import PoolProcess
from schema.meetings.lifecycle import finish_meeting
from schema.meetings.tables import Failure
from tests.api.conftest import Api
from tests.api.fleet.records import worker_record

SECOND = b"\x01\x00" * 16_000
NAME = "summarize@here"


def states(api: Api) -> dict[str, str]:
    return {each["name"]: each["state"] for each in api.http.get("/v1/workers").json()["workers"]}


def post(api: Api, path: str) -> dict[str, object]:
    answer = api.http.post(f"/v1/{path}")
    assert answer.status_code == 202, answer.text
    found: dict[str, object] = answer.json()
    return found


def test_without_workers_there_are_queues_and_nothing_else(api: Api) -> None:
    found = api.http.get("/v1/workers").json()
    assert [each["queue"] for each in found["queues"]] == list(queues.QUEUES)
    assert (found["workers"], found["meetings"], found["failures"]["waiting"]) == ([], [], 0)
    assert found["flower_url"] is None


def test_a_worker_is_shown_with_what_it_said_and_is_lost_when_it_says_nothing_more(api: Api) -> None:
    publish_worker(api.redis, worker_record(NAME))
    (worker,) = api.http.get("/v1/workers").json()["workers"]
    assert (worker["state"], worker["models"][0]["model"]) == ("running", "package:tiny.en")
    assert worker["seen_s"] < 10
    api.redis.zincrby("{mb:fleet}:seen", -11, NAME)
    assert states(api) == {NAME: "lost"}
    forget_worker(api.redis, NAME)
    assert states(api) == {}


def test_records_expire_and_there_are_never_too_many(api: Api) -> None:
    for number in range(WORKERS_LIMIT + 3):
        publish_worker(api.redis, worker_record(f"summarize@{number}"))
    assert len(states(api)) == WORKERS_LIMIT
    keys = [key for key in api.redis.keys("{mb:fleet}*") if api.redis.ttl(key) == -1]
    assert keys == []


def test_the_record_of_a_worker_of_another_version_is_left_out(api: Api) -> None:
    publish_worker(api.redis, worker_record(NAME))
    publish_worker(api.redis, worker_record("ingest@here"))
    api.redis.set("{mb:fleet}:worker:ingest@here", json.dumps({"name": "ingest@here", "colour": "red"}))
    assert states(api) == {NAME: "running"}


def test_draining_twice_changes_nothing_and_ends_with_resume(api: Api) -> None:
    publish_worker(api.redis, worker_record(NAME, tasks=1))
    assert [post(api, f"workers/{NAME}/drain")["state"] for _ in range(2)] == ["draining"] * 2
    publish_worker(api.redis, worker_record(NAME, tasks=1, takes=[]))
    assert states(api) == {NAME: "draining"}  # it still has something
    publish_worker(api.redis, worker_record(NAME, takes=[]))
    assert states(api) == {NAME: "drained"}
    # It is another instance after a restart, and still drained.
    publish_worker(api.redis, worker_record(NAME, takes=[], instance="2" * 16))
    assert states(api) == {NAME: "drained"}
    assert [post(api, f"workers/{NAME}/resume")["state"] for _ in range(2)] == ["running"] * 2


def test_a_restart_is_asked_of_one_instance_only(api: Api) -> None:
    publish_worker(api.redis, worker_record(NAME))
    assert [post(api, f"workers/{NAME}/restart")["state"] for _ in range(2)] == ["restarting"] * 2
    assert read_orders(api.redis, NAME).restart_of == "1" * 16
    loading = [PoolProcess(place=0, pid=8, ready=False)]
    publish_worker(api.redis, worker_record(NAME, instance="2" * 16, processes=loading))
    assert states(api) == {NAME: "starting"}


def test_a_paused_queue_is_shown_everywhere_until_it_is_resumed(api: Api) -> None:
    assert [post(api, "queues/summarize/pause")["paused"] for _ in range(2)] == [True, True]
    for path in ("status", "workers"):
        paused = {each["queue"]: each["paused"] for each in api.http.get(f"/v1/{path}").json()["queues"]}
        assert paused == {"transcribe": False, "summarize": True, "ingest": False}
    assert read_orders(api.redis, NAME).closed(["summarize", "ingest"]) == {"summarize"}
    assert [post(api, "queues/summarize/resume")["paused"] for _ in range(2)] == [False, False]
    assert read_orders(api.redis, NAME).closed(["summarize"]) == frozenset()


@pytest.mark.parametrize(
    ("path", "named"),
    [
        ("workers/nobody@there/drain", "the workers are: summarize@here"),
        ("workers/nobody@there/resume", "the workers are: summarize@here"),
        ("workers/%00/restart", "the workers are: summarize@here"),
        ("queues/sumarize/pause", "the queues are: transcribe, summarize, ingest, speakers"),
        ("queues/sumarize/resume", "the queues are: transcribe, summarize, ingest, speakers"),
        ("failures/99/replay", "no failure has the id 99"),
    ],
)
def test_an_unknown_name_is_refused_with_those_that_are_known(api: Api, path: str, named: str) -> None:
    publish_worker(api.redis, worker_record(NAME))
    answer = api.http.post(f"/v1/{path}")
    assert answer.status_code == 404
    assert named in answer.json()["detail"]


def test_all_of_it_needs_the_scope_admin(start: Callable[..., Api]) -> None:
    api = start(auth="on")
    keys = {
        scope: {"Authorization": f"Bearer {create_key(api.database, scope, [scope]).key}"}
        for scope in (Scope.WRITE, Scope.ADMIN)
    }
    publish_worker(api.redis, worker_record(NAME))
    paths = (
        ("GET", "workers"),
        ("GET", "failures"),
        ("POST", f"workers/{NAME}/drain"),
        ("POST", f"workers/{NAME}/resume"),
        ("POST", f"workers/{NAME}/restart"),
        ("POST", "queues/ingest/pause"),
        ("POST", "queues/ingest/resume"),
        ("POST", "failures/replay"),
    )
    for method, path in paths:
        refused = api.http.request(method, f"/v1/{path}", headers=keys[Scope.WRITE])
        assert (refused.status_code, refused.json()["scope"]) == (403, "admin"), path
        assert api.http.request(method, f"/v1/{path}", headers=keys[Scope.ADMIN]).is_success, path
    assert api.http.get("/v1/workers").status_code == 401


def test_live_meetings_are_shown_with_the_delay_of_their_slowest_track(api: Api) -> None:
    fast = api.create(title="Fast")
    slow = api.create(title="Slow", tracks=[{"name": "near"}, {"name": "far"}])
    api.send(fast, 0, SECOND)
    api.send(slow, 0, SECOND, track="near")
    api.send(slow, 0, 2 * SECOND, track="far")
    found = api.http.get("/v1/workers").json()
    assert [(each["title"], each["behind_s"], each["tracks"]) for each in found["meetings"]] == [
        ("Slow", 2.0, 2),
        ("Fast", 1.0, 1),
    ]
    assert found["unfinished"] == 2
    finish_meeting(api.stores, fast, api.config.backlog_limit_samples)
    shown = api.http.get("/v1/workers").json()["meetings"]
    assert {each["title"]: each["state"] for each in shown} == {"Slow": "live", "Fast": MeetingState.DRAINING}


def add_failures(api: Api, count: int) -> list[int]:
    rows = [
        Failure(task=queues.SUMMARIZE, arguments=[f"m{number}"], reason="broken-model", detail="no weights")
        for number in range(count)
    ]
    with api.database.write() as session:
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def enqueued(api: Api) -> list[str]:
    messages = [json.loads(each) for each in api.redis.lrange(queues.SUMMARIZE_QUEUE, 0, -1)]
    return [each["headers"]["argsrepr"] for each in reversed(messages)]


def test_a_failure_is_replayed_once_however_often_it_is_asked_for(api: Api) -> None:
    first, second = add_failures(api, 2)
    assert api.http.get("/v1/workers").json()["failures"]["waiting"] == 2
    assert all(post(api, f"failures/{first}/replay")["replayed_at"] for _ in range(2))
    assert enqueued(api) == ["['m0']"]
    assert [each["id"] for each in api.http.get("/v1/failures").json()["failures"]] == [second]
    both = api.http.get("/v1/failures?replayed=true&limit=1").json()
    assert ([each["id"] for each in both["failures"]], both["next_cursor"]) == ([second], second)
    rest = api.http.get(f"/v1/failures?replayed=true&limit=1&cursor={second}").json()
    assert ([each["id"] for each in rest["failures"]], rest["next_cursor"]) == ([first], None)


def test_all_failures_are_replayed_together(api: Api) -> None:
    add_failures(api, 3)
    assert post(api, "failures/replay") == {"replayed": 3, "left": 0}
    assert post(api, "failures/replay") == {"replayed": 0, "left": 0}
    assert enqueued(api) == ["['m0']", "['m1']", "['m2']"]
