"""Reprocessed meetings: what is refused and why, which version is shown, and that versions share one file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from api.auth.keys import create_key
from schema.core.states import AdapterTask, MeetingState, Scope, SummaryKind, UploadState
from schema.corrections.segments import Correction
from schema.meetings.lifecycle import delete_meeting
from schema.meetings.tables import Meeting, Track
from schema.meetings.wire import Author
from schema.minutes.minutes import Minutes
from schema.uploads.lifecycle import drop_file
from schema.uploads.tables import Upload
from tests.adapters import version
from tests.api.conftest import Api
from tests.api.database_rows import add_minutes, add_segment, move
from tests.servers import fresh_postgres
from workers.summarize.store import add_final, read_snapshot


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, start: Callable[..., Api]) -> Api:
    if request.param == "sqlite":
        return start()
    return start(database_url=fresh_postgres(request.getfixturevalue("postgres_url"), "versions_tests"))


def upload(api: Api, **fields: str) -> str:
    """Upload a file and mark its meeting as finished; the id of the meeting."""
    form = {"title": "Launch", "participants": "Priya", "vocabulary": "Priya", **fields}
    answer = api.http.post("/v1/uploads", data=form, files={"file": ("talk.wav", b"\0" * 4000)})
    assert answer.status_code == 201, answer.text
    meeting_id: str = answer.json()["meeting_id"]
    with api.database.write() as session:
        session.get_one(Upload, answer.json()["id"]).state = UploadState.FINISHED
        session.get_one(Meeting, meeting_id).state = MeetingState.FINISHED
    return meeting_id


def reprocess(api: Api, meeting_id: str, **wanted: Any) -> dict[str, Any]:
    answer = api.http.post(f"/v1/meetings/{meeting_id}/reprocess", json=wanted)
    return {"status": answer.status_code, **answer.json()}


def finish(api: Api, meeting_id: str) -> None:
    """Write final minutes, as the workers do."""
    with api.database.write() as session:
        session.get_one(Meeting, meeting_id).state = MeetingState.SUMMARIZING
    with api.database.read() as session:
        snapshot = read_snapshot(session, meeting_id)
    assert snapshot is not None
    assert add_final(api.database, snapshot, Minutes(), Author(model="gemma", adapter=None))


def uploads_of(api: Api, *meeting_ids: str) -> list[Upload]:
    with api.database.read() as session:
        return [session.query(Upload).filter_by(meeting_id=each).one() for each in meeting_ids]


def listed(api: Api, *, versions: bool = False) -> list[str]:
    return [each["id"] for each in api.http.get("/v1/meetings", params={"versions": versions}).json()["meetings"]]


def test_a_version_is_a_new_meeting_that_reads_the_same_file(either: Api) -> None:
    first = upload(either)
    with either.database.write() as session:
        session.add(version("terms"))
        session.query(Track).filter_by(meeting_id=first).one().speaker = "Priya"
    begun = reprocess(either, first, asr_adapter="terms", vocabulary=["Northwind"])
    second = begun["meeting"]["id"]
    assert (begun["status"], begun["part"], begun["minutes_version"]) == (202, "transcript", 1)
    assert (begun["meeting"]["version"], begun["meeting"]["version_of"]) == (2, first)
    assert (begun["meeting"]["title"], begun["meeting"]["asr_adapter"]) == ("Launch", "terms")
    assert begun["meeting"]["tracks"][0]["speaker"] == "Priya"
    old, new = uploads_of(either, first, second)
    assert (new.id, new.state, new.file_of, new.sha256) == (begun["upload_id"], "queued", old.id, old.sha256)
    with either.database.read() as session:
        rows = [session.get_one(Meeting, each) for each in (first, second)]
    assert [row.vocabulary for row in rows] == [["Priya"], ["Northwind"]]
    assert [row.participants for row in rows] == [["Priya"], ["Priya"]]
    assert rows[0].created_at == rows[1].created_at
    again = reprocess(either, first, part="transcript")
    assert (again["meeting"]["version"], again["meeting"]["asr_adapter"]) == (3, None)
    versions = either.http.get(f"/v1/meetings/{second}/versions").json()["versions"]
    assert [(each["version"], each["id"]) for each in versions] == [
        (1, first),
        (2, second),
        (3, again["meeting"]["id"]),
    ]


def test_the_newest_finished_version_is_shown_unless_another_is_chosen_or_it_is_deleted(either: Api) -> None:
    first = upload(either)
    second = reprocess(either, first, part="transcript")["meeting"]["id"]
    add_segment(either.database, first, "We move the lunch.")
    add_segment(either.database, second, "We move the launch.")
    assert listed(either) == found(either) == [first]
    finish(either, second)
    assert listed(either) == found(either) == [second]
    assert found(either, meeting=first) == [first]
    assert set(listed(either, versions=True)) == {first, second}
    assert either.http.post(f"/v1/meetings/{first}/show").json()["shown"] is True
    assert listed(either) == [first]
    either.http.post(f"/v1/meetings/{second}/show")
    assert either.http.delete(f"/v1/meetings/{second}").status_code == 204
    assert listed(either) == [first]
    third = reprocess(either, first, part="transcript")["meeting"]
    assert third["version"] == 3
    refused = either.http.post(f"/v1/meetings/{third['id']}/show")
    assert (refused.status_code, "once it is finished" in refused.json()["detail"]) == (409, True)
    assert either.http.delete(f"/v1/meetings/{first}").status_code == 204
    assert listed(either) == [third["id"]]


def found(api: Api, **query: str) -> list[str]:
    hits = api.http.get("/v1/search", params={"q": "move", **query}).json()["hits"]
    return [hit["meeting_id"] for hit in hits]


def test_the_file_is_deleted_with_the_last_version_that_reads_it(either: Api) -> None:
    first = upload(either)
    second = reprocess(either, first, part="transcript")["meeting"]["id"]
    old, new = uploads_of(either, first, second)
    path = Path(either.config.storage_url) / old.id
    drop_file(either.stores, old.id)
    assert path.exists()
    assert "was deleted" in reprocess(either, first, part="transcript")["detail"]
    assert either.http.delete(f"/v1/uploads/{new.id}").status_code == 204
    assert not path.exists()
    for each in uploads_of(either, first, second):
        assert each.file_deleted_at is not None
        assert each.expires_at is None


def test_a_live_meeting_whose_audio_is_not_kept_can_get_new_minutes_but_no_new_transcript(api: Api) -> None:
    meeting = api.create()
    live = reprocess(api, meeting, part="transcript")
    assert (live["status"], "once it is finished" in live["detail"]) == (409, True)
    move(api.database, meeting, MeetingState.FINISHED)
    refused = reprocess(api, meeting, language="en")
    assert (refused["status"], refused["type"]) == (409, "urn:minutebook:problem:audio-not-kept")
    assert "was live, and its audio is not kept (MINUTEBOOK_AUDIO_RETENTION)" in refused["detail"]
    add_minutes(api.database, meeting, "Final", 1, SummaryKind.FINAL)
    with api.database.write() as session:
        session.add(version("short", task=AdapterTask.SUMMARY))
    again = reprocess(api, meeting, summary_adapter="short")
    assert (again["status"], again["part"], again["minutes_version"], again["upload_id"]) == (202, "minutes", 2, None)
    assert (again["meeting"]["summary_adapter"], again["meeting"]["revising"]) == ("short", True)
    assert reprocess(api, meeting, summary_adapter=None)["meeting"]["summary_adapter"] is None


def test_reprocessing_a_deleted_file_is_refused_with_the_reason(api: Api) -> None:
    meeting = upload(api)
    (old,) = uploads_of(api, meeting)
    (Path(api.config.storage_url) / old.id).unlink()
    assert "is no longer stored" in reprocess(api, meeting, part="transcript")["detail"]
    api.http.delete(f"/v1/uploads/{old.id}")
    assert "MINUTEBOOK_UPLOAD_RETENTION" in reprocess(api, meeting, part="transcript")["detail"]
    assert listed(api, versions=True) == [meeting]


@pytest.mark.parametrize(
    ("wanted", "slug", "message"),
    [
        ({}, "invalid-input", "nothing would change"),
        ({"part": "minutes", "language": "en"}, "invalid-input", "'language' changes the transcript"),
        ({"asr_model": "openai/whisper-small"}, "unknown-model", "'package:tiny.en' is"),
        ({"summary_model": "t5"}, "unknown-model", "MINUTEBOOK_SUMMARY_MODEL=t5"),
        ({"asr_adapter": "none-such"}, "unknown-adapter", "none is active"),
        ({"summary_adapter": "none-such"}, "unknown-adapter", "none is active"),
        ({"language": "de"}, "unknown-language", "supports English only"),
        ({"language": "klingon"}, "invalid-input", "language code"),
        ({"beam": 5}, "invalid-input", "no such field"),
    ],
)
def test_an_invalid_reprocess_request_is_refused_with_the_remedy(
    api: Api, wanted: dict[str, object], slug: str, message: str
) -> None:
    refused = reprocess(api, upload(api), **wanted)
    assert (refused["status"], refused["type"]) == (422, f"urn:minutebook:problem:{slug}")
    assert message in refused["detail"]


def test_the_served_model_may_be_named(api: Api) -> None:
    assert reprocess(api, upload(api), asr_model="package:tiny.en")["part"] == "transcript"


def test_a_version_keeps_its_owner_and_only_admins_may_reprocess_for_other_keys(start: Callable[..., Api]) -> None:
    api = start(auth="on")
    keys = {name: create_key(api.database, name, scopes) for name, scopes in SCOPES.items()}
    headers = {name: {"Authorization": f"Bearer {key.key}"} for name, key in keys.items()}
    api.http.headers = headers["writer"]
    meeting = upload(api)
    path = f"/v1/meetings/{meeting}/reprocess"
    for name, status in (("reader", 403), ("other", 404), ("admin", 202)):
        assert api.http.post(path, json={"part": "transcript"}, headers=headers[name]).status_code == status
    second = api.http.get(f"/v1/meetings/{meeting}/versions").json()["versions"][1]["id"]
    assert uploads_of(api, second)[0].owner == keys["writer"].id


SCOPES = {
    "writer": [Scope.READ, Scope.WRITE],
    "reader": [Scope.READ],
    "other": [Scope.READ, Scope.WRITE],
    "admin": [Scope.ADMIN],
}


def test_deleting_a_version_deletes_its_corrections(api: Api) -> None:
    meeting = upload(api)
    event = add_segment(api.database, meeting, "We move the lunch.")
    api.http.patch(f"/v1/meetings/{meeting}/segments/{event.data['id']}", json={"text": "We move the launch."})
    delete_meeting(api.stores, meeting)
    with api.database.read() as session:
        assert session.query(Correction).count() == 0


def test_minutes_are_written_again_in_another_language_and_template_as_a_version_beside(api: Api) -> None:
    first = upload(api)
    begun = reprocess(api, first, minutes_language="de", template="lecture")
    assert (begun["status"], begun["part"], begun["minutes_version"]) == (202, "minutes", 1)
    assert (begun["meeting"]["id"], begun["meeting"]["minutes_language"]) == (first, "de")
    assert begun["meeting"]["template"] == "lecture"
    assert begun["meeting"]["revising"] is True
    with api.database.read() as session:
        row = session.get_one(Meeting, first)
        assert row.notes_seq == row.revised_seq == row.seq
        assert row.vocabulary == ["Priya"]
