"""Notes that people type: they stand at their moment, change, go away, and are shown as their own."""

from __future__ import annotations

from typing import Any

import pytest

from schema.core.states import MeetingState
from schema.typed_notes.notes import TYPED_NOTES_LIMIT, TypedNote
from tests.api.conftest import Api
from tests.api.database_rows import add_minutes, move

SECOND = b"\x01\x00" * 16_000


def typed(api: Api, meeting: str, text: str = "Ask finance first", **fields: Any) -> dict[str, Any]:
    answer = api.http.post(f"/v1/meetings/{meeting}/typed-notes", json={"text": text, **fields})
    assert answer.status_code == 201, answer.text
    note: dict[str, Any] = answer.json()
    return note


def listed(api: Api, meeting: str) -> list[tuple[float, str]]:
    notes = api.http.get(f"/v1/meetings/{meeting}/typed-notes").json()["typed_notes"]
    return [(note["at_s"], note["text"]) for note in notes]


def test_a_note_without_a_moment_stands_where_the_received_audio_ends(api: Api) -> None:
    meeting = api.create()
    assert typed(api, meeting)["at_s"] == 0
    api.send(meeting, 0, SECOND)
    typed(api, meeting, "Later", person="Mia")
    typed(api, meeting, "Between", at_s=0.5)
    assert listed(api, meeting) == [(0.0, "Ask finance first"), (0.5, "Between"), (1.0, "Later")]


def test_a_note_is_changed_at_the_version_that_was_read_and_deleted_for_good(api: Api) -> None:
    meeting = api.create()
    path = f"/v1/meetings/{meeting}/typed-notes/{typed(api, meeting)['id']}"
    changed = api.http.patch(path, json={"text": "Finance agrees", "at_s": 3.5}, headers={"If-Match": '"1"'})
    assert (changed.json()["text"], changed.json()["at_s"], changed.headers["etag"]) == ("Finance agrees", 3.5, '"2"')
    assert api.http.patch(path, json={"text": "Finance agrees"}).json()["version"] == 2
    late = api.http.patch(path, json={"text": "No"}, headers={"If-Match": '"1"'})
    assert (late.status_code, late.json()["current_text"]) == (412, "Finance agrees")
    assert api.http.delete(path).status_code == 204
    assert listed(api, meeting) == []
    assert api.http.delete(path).status_code == 404


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"text": ""}, "text"),
        ({"text": "x" * 1001}, "1000"),
        ({"text": "a", "at_s": -1}, "at_s"),
        ({"text": "a", "at_s": 1e9}, "172800"),
        ({"text": "a", "person": "x" * 101}, "100"),
    ],
)
def test_a_note_beyond_the_bounds_is_refused_with_the_bound(api: Api, fields: dict[str, Any], named: str) -> None:
    refused = api.http.post(f"/v1/meetings/{api.create()}/typed-notes", json=fields)
    assert refused.status_code == 422
    assert named in refused.json()["detail"]


def test_a_finished_meeting_takes_a_note_at_a_moment_that_it_has(api: Api) -> None:
    meeting = api.create()
    api.send(meeting, 0, SECOND)
    api.http.post(f"/v1/meetings/{meeting}/finish")
    move(api.database, meeting, MeetingState.FINISHED)
    path = f"/v1/meetings/{meeting}/typed-notes"
    assert "give 'at_s'" in api.http.post(path, json={"text": "a"}).json()["detail"]
    assert "a moment up to 1" in api.http.post(path, json={"text": "a", "at_s": 9}).json()["detail"]
    assert typed(api, meeting, at_s=1.0)["at_s"] == 1.0
    assert api.http.get(f"/v1/meetings/{meeting}").json()["revising"] is True


def test_a_meeting_takes_a_bounded_number_of_notes(api: Api) -> None:
    meeting = api.create()
    with api.database.write() as session:
        session.add_all(
            TypedNote(meeting_id=meeting, seq=0, at_sample=0, text="a", author="local")
            for _ in range(TYPED_NOTES_LIMIT)
        )
    refused = api.http.post(f"/v1/meetings/{meeting}/typed-notes", json={"text": "a"})
    assert refused.status_code == 409
    assert f"{TYPED_NOTES_LIMIT} typed notes, which is the limit" in refused.json()["detail"]


def test_minutes_and_exports_show_notes_as_they_are_now_even_without_minutes(api: Api) -> None:
    meeting = api.create()
    typed(api, meeting, "Ask finance first", person="Mia", at_s=62)
    path = f"/v1/meetings/{meeting}"
    line = "- **Mia**: Ask finance first (1:02)"
    assert line in api.http.get(f"{path}/export").text
    add_minutes(api.database, meeting, "The budget grows.")
    assert [note["person"] for note in api.http.get(f"{path}/minutes").json()["typed_notes"]] == ["Mia"]
    exported = api.http.get(f"{path}/export").text
    assert exported.index("The budget grows.") < exported.index("### Typed notes") < exported.index(line)
    both = api.http.get(f"{path}/export", params={"format": "json"}).json()
    assert ([note["text"] for note in both["typed_notes"]], "typed_notes" in both["minutes"]) == (
        ["Ask finance first"],
        False,
    )


def test_a_note_is_found_in_its_own_meeting_only(api: Api) -> None:
    note_id = typed(api, api.create())["id"]
    answer = api.http.delete(f"/v1/meetings/{api.create()}/typed-notes/{note_id}")
    assert answer.status_code == 404
    assert f"no typed note {note_id}" in answer.json()["detail"]
