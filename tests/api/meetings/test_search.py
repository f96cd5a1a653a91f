"""`GET /v1/search`: hits with marks, pages, and only meetings that the key may see."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from api.auth.keys import create_key
from schema.core.states import Scope
from tests.api.conftest import Api
from tests.api.database_rows import add_segment, add_segments


def search(api: Api, q: str, **query: str) -> dict[str, Any]:
    answer = api.http.get("/v1/search", params={"q": q, **query})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_hit_names_its_place_and_marks_the_words(api: Api) -> None:
    meeting = api.create(title="Launch", tracks=[{"name": "a", "speaker": "Anna"}])
    event = add_segment(api.database, meeting, "We move the launch to Monday.", 2, 4, track="a")
    (hit,) = search(api, "monday launch")["hits"]
    assert hit.pop("rank") > 0
    assert hit == {
        "meeting_id": meeting,
        "title": "Launch",
        "segment_id": event.data["id"],
        "track": "a",
        "speaker": "Anna",
        "start_s": 2.0,
        "end_s": 4.0,
        "snippet": "We move the launch to Monday.",
        "marks": [[12, 18], [22, 28]],
    }


def test_pages_have_no_gaps_or_duplicates_while_segments_are_added(api: Api) -> None:
    meeting = api.create()
    add_segments(api.database, meeting, [(f"Disk number {at}.", at, at + 1) for at in range(5)])
    seen, cursor = [], None
    while True:
        page = search(api, "disk", limit="2", **({"cursor": cursor} if cursor else {}))
        seen += [hit["start_s"] for hit in page["hits"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        add_segment(api.database, meeting, "Disk, disk.", 9, 10)
    assert sorted(seen) == [0, 1, 2, 3, 4]


def test_a_key_finds_only_its_own_meetings_and_an_admin_key_all(start: Callable[..., Api]) -> None:
    api = start(auth="on")
    keys = {
        name: create_key(api.database, name, [Scope.ADMIN] if name == "admin" else [Scope.READ, Scope.WRITE]).key
        for name in ("mine", "yours", "admin")
    }

    def asked(name: str, **query: str) -> httpx.Response:
        headers = {"Authorization": f"Bearer {keys[name]}"}
        return api.http.get("/v1/search", params={"q": "launch", **query}, headers=headers)

    headers = {"Authorization": f"Bearer {keys['mine']}"}
    meeting = api.http.post("/v1/meetings", json={}, headers=headers).json()["id"]
    add_segment(api.database, meeting, "We launch.")
    assert {name: len(asked(name).json()["hits"]) for name in keys} == {"mine": 1, "yours": 0, "admin": 1}
    assert asked("mine", meeting=meeting).status_code == 200
    assert asked("yours", meeting=meeting).status_code == 404
    assert api.http.get("/v1/search", params={"q": "launch"}).status_code == 401


def test_a_deleted_meeting_is_not_found(api: Api) -> None:
    meeting = api.create()
    add_segment(api.database, meeting, "We launch.")
    assert len(search(api, "launch", meeting=meeting)["hits"]) == 1
    assert api.http.delete(f"/v1/meetings/{meeting}").status_code == 204
    assert search(api, "launch")["hits"] == []
    assert api.http.get("/v1/search", params={"q": "launch", "meeting": meeting}).status_code == 410


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"q": '"" - *'}, "contains no word"),
        ({"q": "a " * 100}, "has 100 terms; give at most 16"),
        ({"q": "disk", "cursor": "nonsense"}, "cursor 'nonsense' is not valid"),
        ({"q": "disk", "cursor": "LTEgMQ=="}, "cursor 'LTEgMQ==' is not valid"),
        ({"q": "disk", "limit": "0"}, "query.limit = '0'"),
        ({}, "query.q = not given"),
    ],
)
def test_an_invalid_search_is_refused_by_name(api: Api, query: dict[str, str], message: str) -> None:
    answer = api.http.get("/v1/search", params=query)
    assert answer.status_code == 422
    assert message in answer.json()["detail"]
