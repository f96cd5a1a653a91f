"""`minutebook segments`, `correct`, `rename-speaker`, `reprocess` and `versions` against a real API."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update

from schema.core.database import Database
from schema.core.states import MeetingState, SummaryKind
from schema.meetings.tables import Meeting
from tests.api.cli.conftest import RunMinutebook
from tests.api.database_rows import add_minutes, add_segment, move
from tests.api.process import ApiProcess

ACTION_ID = "s0123456789ab"
RECORDED_AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
HEARD, MEANT = "We move the lunch.", "We move the launch."


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory, valkey_url: str) -> Iterator[ApiProcess]:
    process = ApiProcess(tmp_path_factory.mktemp("api"), valkey_url)
    process.start()
    yield process
    process.end()


@pytest.fixture
def database(api: ApiProcess) -> Iterator[Database]:
    database = Database(api.settings.sql_url)
    yield database
    database.close()


@pytest.fixture
def meeting_id(api: ApiProcess, database: Database, monkeypatch: pytest.MonkeyPatch, data_dir: Path) -> str:
    monkeypatch.setenv("MINUTEBOOK_URL", api.url)
    tracks = [{"name": "main", "speaker": "Channel 1"}]
    answer = httpx.post(f"{api.url}/v1/meetings", json={"title": "Launch", "tracks": tracks}, trust_env=False)
    created: str = answer.json()["id"]
    add_segment(database, created, HEARD, 65, 68)
    return created


@pytest.fixture
def segment_id(minutebook: RunMinutebook, meeting_id: str) -> str:
    return str(json.loads(minutebook("segments", meeting_id, "--json").out)["id"])


def test_a_segment_is_corrected_and_the_correction_undone(
    minutebook: RunMinutebook, meeting_id: str, segment_id: str
) -> None:
    assert f"{segment_id}    1:05  Channel 1: {HEARD}" in minutebook("segments", meeting_id).out
    corrected = minutebook("correct", meeting_id, segment_id, "--text", MEANT, "--speaker", "Priya")
    assert corrected.out.strip() == f"1:05  Priya: {MEANT}  (version 2)"
    assert f"{segment_id}*" in minutebook("segments", meeting_id).out
    assert MEANT in minutebook("show", meeting_id, "--format", "txt").out
    heard, now = minutebook("correct", meeting_id, segment_id, "--history", "--json").out.splitlines()
    assert (json.loads(heard)["text"], json.loads(now)["text"]) == (HEARD, MEANT)
    table = minutebook("correct", meeting_id, segment_id, "--history").out
    assert "heard" in table
    assert "edited" in table
    changes = minutebook("segments", meeting_id, "--changes").out
    assert f"Channel 1: {HEARD}" in changes
    assert f"Priya: {MEANT}" in changes
    assert HEARD in minutebook("correct", meeting_id, segment_id, "--undo").out


def test_a_correction_of_an_outdated_version_is_refused(
    minutebook: RunMinutebook, meeting_id: str, segment_id: str
) -> None:
    minutebook("correct", meeting_id, segment_id, "--text", MEANT)
    late = minutebook("correct", meeting_id, segment_id, "--text", "We go.", "--if-version", "1")
    assert late.status == 1
    assert f"segment {segment_id} is at version 2, not 1" in late.err
    unclear = minutebook("correct", meeting_id, segment_id, "--text", "We go.", "--undo")
    assert (unclear.status, "or else --undo" in unclear.err) == (2, True)


def test_renaming_a_speaker_changes_its_segments(minutebook: RunMinutebook, meeting_id: str) -> None:
    assert minutebook("rename-speaker", meeting_id, "Channel 1", "Priya").out == "1 segment now has the speaker Priya\n"
    assert f"Priya: {HEARD}" in minutebook("segments", meeting_id).out
    wrong = minutebook("rename-speaker", meeting_id, "Tom", "-")
    assert (wrong.status, "its speakers: Priya" in wrong.err) == (1, True)


def test_reprocessing_minutes_makes_a_new_version_and_keeps_the_old_ones(
    minutebook: RunMinutebook, meeting_id: str, database: Database
) -> None:
    move(database, meeting_id, MeetingState.FINISHED)
    for version, text in ((1, "The first."), (2, "The second.")):
        add_minutes(database, meeting_id, text, version, SummaryKind.FINAL)
    begun = minutebook("reprocess", meeting_id, "--summary-adapter", "none")
    assert begun.out == f"version 3 of the minutes is being made; 'minutebook show {meeting_id}' shows it in a moment\n"
    assert "The second." in minutebook("show", meeting_id, "--version", "1").out
    assert "The first." in minutebook("show", meeting_id, "--minutes", "1").out
    assert "no final minutes of version 9" in minutebook("show", meeting_id, "--minutes", "9").err
    assert "no version 2; its versions are: 1" in minutebook("show", meeting_id, "--version", "2").err
    assert f"1*  {meeting_id}" in minutebook("versions", meeting_id, "--show", "1").out
    refused = minutebook("reprocess", meeting_id, "--part", "transcript")
    assert (refused.status, "its audio is not kept" in refused.err) == (1, True)
    nothing = minutebook("reprocess", meeting_id)
    assert (nothing.status, "nothing would change" in nothing.err) == (2, True)


def test_a_sentence_of_the_minutes_is_corrected_and_the_correction_undone(
    minutebook: RunMinutebook, database: Database, meeting_id: str
) -> None:
    add_minutes(database, meeting_id, HEARD, kind=SummaryKind.FINAL)
    move(database, meeting_id, MeetingState.FINISHED)
    sentence_id = json.loads(minutebook("sentences", meeting_id, "--json").out)["id"]
    assert f"{sentence_id}  overview {HEARD}" in minutebook("sentences", meeting_id).out
    corrected = minutebook("correct-sentence", meeting_id, sentence_id, "--text", MEANT)
    assert corrected.out.strip() == f"{MEANT}  (version 2)"
    assert f"{sentence_id}* overview {MEANT}" in minutebook("sentences", meeting_id).out
    assert MEANT in minutebook("show", meeting_id, "--format", "txt").out
    refused = minutebook("correct-sentence", meeting_id, sentence_id, "--owner", "Tom")
    assert (refused.status, "is not an action" in refused.err) == (2, True)
    late = minutebook("correct-sentence", meeting_id, sentence_id, "--text", "x", "--if-version", "1")
    assert (late.status, "somebody changed it" in late.err) == (1, True)
    undone = minutebook("correct-sentence", meeting_id, sentence_id, "--undo", "--json")
    assert (json.loads(undone.out)["text"], json.loads(undone.out)["version"]) == (HEARD, 3)
    history = minutebook("correct-sentence", meeting_id, sentence_id, "--history").out
    assert ["written" in history, "edited" in history, "undone" in history] == [True] * 3
    assert minutebook("correct-sentence", meeting_id, sentence_id).status == 2


def test_correcting_when_an_action_is_due_shows_the_new_date(
    minutebook: RunMinutebook, database: Database, meeting_id: str
) -> None:
    action = {"text": "Tom fixes the parser by Wednesday.", "owner": "Tom", "due": "Wednesday", "id": ACTION_ID}
    add_minutes(database, meeting_id, HEARD, kind=SummaryKind.FINAL, actions=[action])
    move(database, meeting_id, MeetingState.FINISHED)
    with database.write() as session:
        session.execute(update(Meeting).values(recorded_at=RECORDED_AT, recorded_offset_s=0, recorded_from="caller"))
    assert "(due: Wednesday, 2026-03-04)" in minutebook("sentences", meeting_id).out
    assert json.loads(minutebook("sentences", meeting_id, "--json").out.splitlines()[-1])["due_on"] == "2026-03-04"
    corrected = minutebook("correct-sentence", meeting_id, ACTION_ID, "--due", "Thursday")
    assert corrected.out == "Tom: Tom fixes the parser by Wednesday. (due: Thursday, 2026-03-05)  (version 2)\n"
    assert "(due: Thursday)" in minutebook("correct-sentence", meeting_id, ACTION_ID, "--history").out
    assert "due" not in minutebook("correct-sentence", meeting_id, ACTION_ID, "--due", "").out
