"""`minutebook people`, `same-speaker` and `split` against a real API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from schema.core.database import Database
from schema.meetings.tables import Segment
from schema.speakers.people import add_people, people_of
from tests.api.cli.conftest import RunMinutebook
from tests.api.database_rows import add_segments
from tests.api.process import ApiProcess


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, valkey_url: str) -> Iterator[ApiProcess]:
    process = ApiProcess(tmp_path_factory.mktemp("api"), valkey_url)
    process.start()
    yield process
    process.end()


@pytest.fixture
def meeting_id(api: ApiProcess, monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> str:
    """A meeting in which two voices were told apart."""
    monkeypatch.setenv("MINUTEBOOK_URL", api.url)
    created: str = httpx.post(f"{api.url}/v1/meetings", json={"title": "Launch"}, trust_env=False).json()["id"]
    database = Database(api.settings.sql_url)
    events = add_segments(database, created, [("Good morning, I'm Tom.", 0, 3), ("Hello Tom shall we begin", 3, 6)])
    with database.write() as session:
        add_people(session, created, people_of(session, created), (1, 2))
        for event, person in zip(events, (1, 2), strict=True):
            segment = session.get_one(Segment, event.data["id"])
            segment.person, segment.speaker, segment.speaker_from = person, f"Speaker {person}", "voice"
    database.close()
    return created


def test_people_are_listed_with_a_suggestion_and_joined(minutebook: RunMinutebook, meeting_id: str) -> None:
    listed = minutebook("people", meeting_id).out
    assert "1  Speaker 1" in listed
    assert "perhaps Tom:" in listed
    assert "Good morning, I'm Tom." in listed
    assert "2  Speaker 1  (the same as 1)" in minutebook("same-speaker", meeting_id, "2", "1").out
    assert [json.loads(line)["same_as"] for line in minutebook("people", meeting_id, "--json").out.splitlines()] == [
        None,
        1,
    ]
    assert "2  Speaker 2" in minutebook("same-speaker", meeting_id, "2", "--undo").out
    assert minutebook("same-speaker", meeting_id, "2").status == 2
    assert "no person 9" in minutebook("same-speaker", meeting_id, "9", "1").err


def test_a_segment_is_split(minutebook: RunMinutebook, meeting_id: str) -> None:
    last = [json.loads(line) for line in minutebook("segments", meeting_id, "--json").out.splitlines()][-1]
    printed = minutebook("split", meeting_id, str(last["id"]), "3", "--speaker", "Leo").out
    assert "Speaker 2: Hello Tom" in printed
    assert "Leo: shall we begin" in printed
    refused = minutebook("split", meeting_id, str(last["id"]), "9")
    assert (refused.status, "has 2 words" in refused.err) == (2, True)
    part = [json.loads(line) for line in minutebook("segments", meeting_id, "--json").out.splitlines()][-1]
    assert "Speaker 2: Hello Tom shall we begin" in minutebook("split", meeting_id, str(part["id"]), "--undo").out
    assert minutebook("split", meeting_id, str(part["id"])).status == 2
