"""Share links: what they show, to whom, and until when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from api.auth.keys import create_key
from api.shares import open_link
from schema.core.states import Scope
from schema.core.tables import now
from schema.core.units import samples_of_s
from schema.off_record.passages import OffRecord
from schema.shares.tables import ShareLink
from tests.api.conftest import Api
from tests.api.web.written import MINUTES, written_meeting


@pytest.fixture
def meeting_id(api: Api) -> str:
    return written_meeting(api)


def share(api: Api, meeting_id: str, **wanted: object) -> str:
    """Make a link, and return its path."""
    answer = api.http.post(f"/v1/meetings/{meeting_id}/shares", json=wanted)
    assert answer.status_code == 201, answer.text
    path: str = answer.json()["path"]
    return f"/{path}"


@pytest.mark.parametrize(
    ("scope", "text", "audio"), [("minutes", False, False), ("transcript", True, False), ("audio", True, True)]
)
def test_a_link_shows_what_its_scope_allows_and_nothing_else(
    api: Api, meeting_id: str, scope: str, text: bool, audio: bool
) -> None:
    path = share(api, meeting_id, scope=scope)
    answer = api.http.get(f"{path}/meeting")
    shown = answer.json()
    assert answer.headers["cache-control"] == "private, no-store"
    assert shown["minutes"]["minutes"]["overview"][0]["text"] == MINUTES
    assert bool(shown["segments"]) is text
    assert ("three points" in answer.text) is text
    assert bool(shown["coverage"]) is audio
    assert (shown["audio_s"] is not None) is audio
    heard = api.http.get(f"{path}/audio", headers={"Range": "bytes=0-99"})
    assert heard.status_code == (206 if audio else 409)
    assert meeting_id not in answer.text


def test_the_address_of_a_link_leads_to_the_page_with_the_token_out_of_reach_of_referrers(
    api: Api, meeting_id: str
) -> None:
    path = share(api, meeting_id)
    answer = api.http.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, f"../#/shared/{path.removeprefix('/s/')}")
    assert answer.headers["referrer-policy"] == "no-referrer"


def test_the_token_is_stored_as_its_hash_and_shown_once(api: Api, meeting_id: str) -> None:
    path = share(api, meeting_id)
    token = path.removeprefix("/s/")
    assert len(token) >= 43
    with api.database.read() as session:
        stored = session.scalars(select(ShareLink)).one()
    assert token not in (stored.id, stored.token_hash)
    listed = api.http.get(f"/v1/meetings/{meeting_id}/shares")
    assert token not in listed.text
    assert listed.json()["shares"][0]["scope"] == "minutes"


def test_guessed_ended_and_revoked_links_and_links_of_deleted_meetings_say_so(api: Api, meeting_id: str) -> None:
    for part in ("meeting", "audio"):
        guessed = api.http.get(f"/s/{'x' * 43}/{part}")
        assert (guessed.status_code, guessed.json()["type"]) == (404, "urn:minutebook:problem:not-found")
    ended, revoked, left = (share(api, meeting_id, scope="audio") for _ in range(3))
    with api.database.write() as session:
        first = session.scalars(select(ShareLink).order_by(ShareLink.created_at)).first()
        assert first is not None
        first.ends_at = now() - timedelta(seconds=1)
    assert api.http.get(f"{ended}/meeting").status_code == 410
    ids = [each["id"] for each in api.http.get(f"/v1/meetings/{meeting_id}/shares").json()["shares"]]
    for _ in range(2):
        assert api.http.delete(f"/v1/meetings/{meeting_id}/shares/{ids[1]}").status_code == 204
    assert [api.http.get(f"{revoked}/{part}").status_code for part in ("meeting", "audio")] == [410, 410]
    assert api.http.get(f"{left}/meeting").status_code == 200
    api.http.delete(f"/v1/meetings/{meeting_id}")
    assert [api.http.get(f"{left}/{part}").status_code for part in ("meeting", "audio")] == [410, 410]


def test_what_is_off_the_record_is_neither_read_nor_heard(api: Api, meeting_id: str) -> None:
    path = share(api, meeting_id, scope="audio")
    passage = OffRecord(meeting_id=meeting_id, first_sample=0, end_sample=samples_of_s(9), seq=99)
    with api.database.write() as session:
        session.add(passage)
    shown = api.http.get(f"{path}/meeting").json()
    assert "three points" not in str(shown["segments"])
    assert "Where do we stand" in str(shown["segments"])
    audio = api.http.get(f"{path}/audio").content[44:]
    assert not any(audio[: 2 * samples_of_s(9)])
    assert any(audio[2 * samples_of_s(9) :])


@pytest.mark.parametrize("days", [-1, 400])
def test_a_link_ends_within_a_year(api: Api, meeting_id: str, days: int) -> None:
    ends_at = (now() + timedelta(days=days)).isoformat()
    answer = api.http.post(f"/v1/meetings/{meeting_id}/shares", json={"ends_at": ends_at})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:minutebook:problem:invalid-input")


def test_who_guesses_is_slowed_down(api: Api, meeting_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_link, "REQUESTS_PER_MINUTE", 3)
    codes = [api.http.get(f"/s/{at}/meeting").status_code for at in range(5)]
    assert codes == [404, 404, 404, 429, 429]


def test_a_link_needs_no_key_and_making_one_needs_the_right_to_write(start: Callable[..., Api]) -> None:
    api = start(auth="on")
    headers = {
        name: {"Authorization": f"Bearer {create_key(api.database, name, [Scope(each) for each in name.split()]).key}"}
        for name in ("read write", "read", "write")
    }
    meeting_id = written_meeting(api, headers=headers["read write"])
    path = f"/v1/meetings/{meeting_id}/shares"
    made = api.http.post(path, json={}, headers=headers["read write"])
    assert api.http.get(f"/{made.json()['path']}/meeting").status_code == 200
    assert api.http.post(path, json={}, headers=headers["read"]).status_code == 403
    assert api.http.post(path, json={}, headers=headers["write"]).status_code == 404
    assert api.http.delete(f"{path}/{made.json()['id']}").status_code == 401
    assert api.http.delete(f"{path}/nothing", headers=headers["read write"]).status_code == 404
