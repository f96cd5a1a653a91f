"""`minutebook search` and `show --output` against a real API."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from docx import Document

from schema.core.database import Database
from tests.api.cli.conftest import RunMinutebook
from tests.api.database_rows import add_segment
from tests.api.process import ApiProcess


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, valkey_url: str) -> Iterator[ApiProcess]:
    process = ApiProcess(tmp_path_factory.mktemp("api"), valkey_url)
    process.start()
    yield process
    process.end()


@pytest.fixture
def meeting_id(api: ApiProcess, monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> str:
    """A meeting with one sentence, on the API that the commands use."""
    monkeypatch.setenv("MINUTEBOOK_URL", api.url)
    answer = httpx.post(f"{api.url}/v1/meetings", json={"title": "Launch"}, trust_env=False)
    created: str = answer.json()["id"]
    database = Database(api.settings.sql_url)
    add_segment(database, created, "We move the launch to Monday.", 65, 68)
    database.close()
    return created


def test_search_prints_meeting_time_title_and_snippet(minutebook: RunMinutebook, meeting_id: str) -> None:
    found = minutebook("search", "launch to", "mon*")
    assert found.status == 0
    assert f"{meeting_id}     1:05  Launch  We move the launch to Monday.\n" in found.out
    assert "nothing found" in minutebook("search", "launch on").out
    hit = json.loads(minutebook("search", "monday", "--json").out.splitlines()[0])
    assert hit["snippet"][slice(*hit["marks"][0])] == "Monday"


def test_the_list_is_narrowed_down_by_its_options(minutebook: RunMinutebook, meeting_id: str) -> None:
    assert meeting_id in minutebook("list", "--text", "laun", "--state", "live", "--state", "finished").out
    assert minutebook("list", "--state", "summarizing").out == "no such meetings\n"
    assert minutebook("list", "--until", "2001-01-01").out == "no such meetings\n"
    assert meeting_id in minutebook("list", "--since", "2001-01-01").out
    refused = minutebook("list", "--since", "yesterday")
    assert refused.status != 0
    assert "yesterday" in refused.err


def test_search_without_a_word_is_refused(minutebook: RunMinutebook, meeting_id: str) -> None:
    refused = minutebook("search", "--", "--")
    assert refused.status == 2
    assert "contains no word" in refused.err


def test_show_writes_a_meeting_to_a_file(minutebook: RunMinutebook, meeting_id: str, tmp_path: Path) -> None:
    path = tmp_path / "launch.docx"
    assert minutebook("show", meeting_id, "--format", "docx", "--output", str(path)).status == 0
    assert Document(io.BytesIO(path.read_bytes())).paragraphs[0].text == "Launch"
    refused = minutebook("show", meeting_id, "-o", str(tmp_path / "absent" / "launch.md"))
    assert refused.status == 2
    assert "cannot be written (No such file or directory); name another file" in refused.err
    assert minutebook("show", meeting_id).out.startswith("# Launch\n")


def test_brief_changes_the_named_lists_and_shows_all(minutebook: RunMinutebook, meeting_id: str) -> None:
    minutebook("brief", meeting_id, "--participants", "Priya Sharma, Leo", "--agenda", "Budget, costs; Launch")
    shown = minutebook("brief", meeting_id, "--vocabulary", "Northwind")
    assert shown.out.splitlines() == [
        "participants: Priya Sharma, Leo",
        "agenda: Budget, costs; Launch",
        "vocabulary: Northwind",
        "template: general",
        "language of the minutes: that of the meeting",
    ]
    assert minutebook("brief", meeting_id).out == shown.out
    german = minutebook("brief", meeting_id, "--minutes-language", "de")
    assert german.out.splitlines()[-1] == "language of the minutes: de"
    assert minutebook("brief", meeting_id, "--minutes-language", "meeting").out == shown.out


def test_notes_are_typed_listed_changed_and_deleted(minutebook: RunMinutebook, meeting_id: str) -> None:
    number = minutebook("note", meeting_id, "Ask finance", "--at", "1:02", "--person", "Mia").out.split()[0]
    changed = minutebook("change-note", meeting_id, number, "--text", "Finance agrees")
    assert changed.out == minutebook("notes", meeting_id).out == f"{number:>6}     1:02  Mia: Finance agrees\n"
    assert minutebook("change-note", meeting_id, number, "--delete").status == 0
    assert "no typed notes" in minutebook("notes", meeting_id).out


@pytest.mark.parametrize(("moment", "seconds"), [("90", 90), ("1:30", 90), ("1:02:03.5", 3723.5)])
def test_a_moment_is_written_as_people_write_it(
    minutebook: RunMinutebook, meeting_id: str, moment: str, seconds: float
) -> None:
    noted = minutebook("note", meeting_id, "Here", "--at", moment, "--json")
    assert json.loads(noted.out)["at_s"] == seconds


def test_a_moment_that_nobody_can_read_is_refused_with_examples(minutebook: RunMinutebook, meeting_id: str) -> None:
    refused = minutebook("note", meeting_id, "Here", "--at", "noon")
    assert refused.status == 2
    assert "'noon' is no moment of a meeting; write 12:30" in refused.err


def test_a_passage_is_marked_ended_listed_and_lifted(minutebook: RunMinutebook, meeting_id: str) -> None:
    number = minutebook("off-record", "mark", meeting_id, "--from", "0:30").out.split()[0]
    ended = minutebook("off-record", "end", meeting_id, "--to", "1:30")
    assert ended.out == minutebook("off-record", "list", meeting_id).out == f"{number:>6}     0:30 – 1:30     marked\n"
    refused = minutebook("off-record", "end", meeting_id)
    assert refused.status == 1
    assert "has no open passage" in refused.err
    assert minutebook("off-record", "lift", meeting_id, number).status == 0
    assert minutebook("off-record", "list", meeting_id).out == "everything is on the record\n"
