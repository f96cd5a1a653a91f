"""Meetings are created, listed, shown, finished and deleted, on SQLite and on PostgreSQL."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from api.http.middleware.body_limit import JSON_LIMIT_BYTES
from schema.core import migrate
from schema.core.database import Database
from schema.core.errors import MailboxMissing
from schema.core.states import AdapterTask, SummaryKind
from schema.core.tables import Base
from schema.meetings.tables import Meeting, Track
from schema.meetings.wire import MeetingOut
from schema.minutes.briefing import Briefing
from schema.speakers.tables import Person
from tests.adapters import version
from tests.api.conftest import Api
from tests.api.database_rows import add_coverage, add_minutes, add_note, add_segment
from tests.api.sockets import live

SECOND = b"\x01\x00" * 16_000


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, start: Callable[..., Api]) -> Api:
    """An API on each kind of database."""
    if request.param == "sqlite":
        return start()
    url: str = request.getfixturevalue("postgres_url")
    database = Database(url)
    if migrate.current(database):
        migrate.downgrade(database, "base")
    database.close()
    return start(database_url=url)


def test_a_meeting_is_created_with_its_tracks(either: Api) -> None:
    answer = either.http.post(
        "/v1/meetings",
        json={
            "title": " Launch ",
            "vocabulary": ["Priya"],
            "tracks": [{"name": "priya", "speaker": "Priya"}, {"name": "tom"}],
        },
    )
    assert answer.status_code == 201
    meeting = answer.json()
    assert (meeting["title"], meeting["state"], meeting["language"]) == ("Launch", "live", "en")
    assert [(track["name"], track["speaker"]) for track in meeting["tracks"]] == [("priya", "Priya"), ("tom", None)]
    assert either.http.get(f"/v1/meetings/{meeting['id']}").json() == meeting
    assert meeting["created_at"].endswith("Z")


def test_a_change_replaces_the_named_lists_and_has_written_minutes_written_again(either: Api) -> None:
    meeting = either.create(participants=["Pria"], agenda=["Budget"], vocabulary=["Northwind"])
    changed = either.http.patch(f"/v1/meetings/{meeting}", json={"participants": ["Priya Sharma"], "agenda": []}).json()
    assert (changed["participants"], changed["agenda"], changed["vocabulary"]) == (["Priya Sharma"], [], ["Northwind"])
    assert changed["revising"] is True
    assert either.http.get(f"/v1/meetings/{meeting}").json() == changed


def test_a_change_to_what_is_there_writes_no_minutes_again(api: Api) -> None:
    meeting = api.create(participants=["Priya"])
    assert api.http.patch(f"/v1/meetings/{meeting}", json={"participants": ["Priya"]}).json()["revising"] is False


def test_a_change_of_nothing_is_refused_with_what_can_be_changed(api: Api) -> None:
    refused = api.http.patch(f"/v1/meetings/{api.create()}", json={})
    assert refused.status_code == 422
    assert "'participants', 'agenda', 'vocabulary', 'minutes_language' or 'template'" in refused.json()["detail"]


def test_meetings_are_listed_in_pages_newest_first(either: Api) -> None:
    made = [either.create(title=str(number)) for number in range(5)]
    first = either.http.get("/v1/meetings", params={"limit": 2}).json()
    second = either.http.get("/v1/meetings", params={"limit": 2, "cursor": first["next_cursor"]}).json()
    third = either.http.get("/v1/meetings", params={"limit": 2, "cursor": second["next_cursor"]}).json()
    listed = [meeting["id"] for page in (first, second, third) for meeting in page["meetings"]]
    assert listed == made[::-1]
    assert third["next_cursor"] is None


def titles(api: Api, **query: object) -> list[str]:
    answer = api.http.get("/v1/meetings", params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return [meeting["title"] for meeting in answer.json()["meetings"]]


def test_meetings_are_listed_by_title_person_state_and_day(either: Api) -> None:
    either.create(title="Launch of Über", recorded_at="2026-03-02T23:30:00")
    either.create(title="100 % budget", participants=["Jürgen Ott"], recorded_at="2026-03-03T00:30:00")
    over = either.create(title="Calls", tracks=[{"name": "far", "speaker": "Priya Sharma"}])
    either.http.post(f"/v1/meetings/{over}/finish")
    told_apart = either.create(title="Round table")
    with either.database.write() as session:
        session.add(Person(meeting_id=told_apart, number=1, name="Leo"))

    assert titles(either, text="LAUNCH") == titles(either, text="über") == ["Launch of Über"]
    assert titles(either, text="jürgen") == titles(either, text="JÜRGEN O") == ["100 % budget"]
    assert titles(either, text="priya") == ["Calls"]
    assert titles(either, text="leo") == ["Round table"]
    assert titles(either, text="%") == ["100 % budget"]
    assert titles(either, text="_") == titles(either, text="\\") == []
    assert titles(either, state="draining") == ["Calls"]
    assert len(titles(either, state=["live", "draining"])) == 4
    assert titles(either, until="2026-03-02") == ["Launch of Über"]
    assert titles(either, since="2026-03-03", until="2026-03-03") == ["100 % budget"]
    assert titles(either, since="2026-03-04") == ["Round table", "Calls"]
    assert titles(either, text=" ", until="9999-12-31")[-1] == "Launch of Über"


def test_the_pages_of_a_filtered_list_hold_each_match_once(either: Api) -> None:
    made = [either.create(title=f"{('even', 'odd')[number % 2]} {number}") for number in range(6)]
    first = either.http.get("/v1/meetings", params={"limit": 2, "text": "odd"}).json()
    second = either.http.get("/v1/meetings", params={"limit": 2, "text": "odd", "cursor": first["next_cursor"]}).json()
    assert [meeting["id"] for page in (first, second) for meeting in page["meetings"]] == made[5::-2]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"state": "lively"}, "lively"),
        ({"since": "yesterday"}, "yesterday"),
        ({"since": "2026-03-02", "until": "2026-03-01"}, "until 2026-03-01 is before since 2026-03-02"),
        ({"text": "x" * 101}, "100"),
    ],
)
def test_a_filter_that_cannot_match_is_refused_with_its_value(api: Api, query: dict[str, str], named: str) -> None:
    answer = api.http.get("/v1/meetings", params=query)
    assert answer.status_code == 422
    assert named in answer.text


def test_finishing_closes_every_track_where_its_audio_ends_and_may_be_repeated(either: Api) -> None:
    meeting = either.create(tracks=[{"name": "a"}, {"name": "b"}])
    either.send(meeting, 0, SECOND, track="a")
    for _ in range(2):
        answer = either.http.post(f"/v1/meetings/{meeting}/finish")
        assert answer.status_code == 200
        assert answer.json()["state"] == "draining"
    with either.database.read() as session:
        tracks = session.execute(select(Track.name, Track.closed_sample).where(Track.meeting_id == meeting)).all()
    assert sorted(map(tuple, tracks)) == [("a", 16_000), ("b", 0)]


def test_a_deleted_meeting_leaves_only_an_emptied_row(either: Api) -> None:
    meeting = either.create(title="Secret", participants=["Priya"], agenda=["Hush"], vocabulary=["Priya"])
    either.send(meeting, 0, SECOND)
    add_segment(either.database, meeting, "Hush.")
    add_note(either.database, meeting, "Hush")
    add_minutes(either.database, meeting, "Hush")
    add_coverage(either.database, meeting, "transcribed", 0, 1)
    with either.database.read() as session:
        track = session.scalars(select(Track.id)).one()
    for _ in range(2):
        assert either.http.delete(f"/v1/meetings/{meeting}").status_code == 204
    with pytest.raises(MailboxMissing):
        either.mailbox.status(track)
    with either.database.read() as session:
        left = [table.name for table in Base.metadata.sorted_tables if session.execute(select(table)).first()]
        row = session.get_one(Meeting, meeting)
        assert (left, row.state, row.title, row.briefing) == (["meetings"], "deleted", "", Briefing())


@pytest.mark.parametrize("path", ["", "/transcript", "/minutes", "/coverage", "/notes", "/export", "/events"])
def test_reading_a_deleted_meeting_is_a_410(api: Api, path: str) -> None:
    meeting = api.create()
    api.http.delete(f"/v1/meetings/{meeting}")
    answer = api.http.get(f"/v1/meetings/{meeting}{path}")
    assert answer.status_code == 410
    assert answer.json()["type"] == "urn:minutebook:problem:gone"
    assert api.http.get("/v1/meetings").json()["meetings"] == []


def test_finishing_or_sending_audio_to_a_deleted_meeting_is_a_410(api: Api) -> None:
    meeting = api.create()
    api.http.delete(f"/v1/meetings/{meeting}")
    assert api.http.post(f"/v1/meetings/{meeting}/finish").status_code == 410
    assert api.send(meeting, 0, SECOND).status_code == 410


@pytest.mark.parametrize("path", ["", "/transcript", "/minutes", "/coverage", "/notes", "/export"])
def test_an_unknown_meeting_is_a_404_that_names_it(api: Api, path: str) -> None:
    answer = api.http.get(f"/v1/meetings/nothing{path}")
    assert answer.status_code == 404
    assert "'nothing'" in answer.json()["detail"]


def test_a_name_with_a_nul_character_is_unknown(either: Api) -> None:
    for path in ("meetings/a%00b", "uploads/a%00b", "webhooks/a%00b/deliveries", "adapters/asr/a%00b", "models/a%00b"):
        assert either.http.get(f"/v1/{path}").status_code == 404


def test_a_body_not_declared_as_json_is_refused_with_the_header_to_send(api: Api) -> None:
    answer = api.http.post("/v1/meetings", content=b'{"title": "Weekly"}')
    assert answer.status_code == 422
    assert "Content-Type: application/json" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"language": "English"}, ["language", "'English'", "such as 'en'"]),
        ({"language": "xx"}, ["language", "'xx'", "'auto'"]),
        ({"title": "a\0b"}, ["title", "U+0000"]),
        ({"vocabulary": ["a\0b"]}, ["vocabulary.0", "U+0000"]),
        ({"tracks": [{"speaker": "a\0b"}]}, ["tracks.0.speaker", "U+0000"]),
        ({"title": "x" * 301}, ["title", "300"]),
        ({"vocabulary": ["x" * 61]}, ["vocabulary.0", "60"]),
        ({"participants": ["x" * 101]}, ["participants.0", "100"]),
        ({"participants": ["Leo"] * 51}, ["participants", "50"]),
        ({"minutes_language": "auto"}, ["minutes_language", "'auto'", "such as 'en'"]),
        ({"agenda": [""]}, ["agenda.0", "Give 1 to 120 characters"]),
        ({"agenda": ["x" * 121]}, ["agenda.0", "120"]),
        ({"tracks": []}, ["tracks"]),
        ({"tracks": [{"name": "a b"}]}, ["tracks.0.name", "'a b'"]),
        ({"tracks": [{"name": "a"}, {"name": "a"}]}, ["'a'", "a name of its own"]),
        ({"colour": "red"}, ["colour", "'red'", "no such field; leave it out"]),
    ],
)
def test_an_invalid_field_is_refused_with_its_name_and_value(
    api: Api, fields: dict[str, object], named: list[str]
) -> None:
    answer = api.http.post("/v1/meetings", json=fields)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert all(part in answer.json()["detail"] for part in named), answer.json()["detail"]


def test_the_language_is_detected_unless_the_model_reads_only_english(
    start: Callable[..., Api], tmp_path: Path
) -> None:
    english, multilingual = tmp_path / "fine-tuned", tmp_path / "atc.end"
    for folder in (english, multilingual):
        folder.mkdir()
        facts = {"is_multilingual": folder is multilingual}
        (folder / "generation_config.json").write_text(json.dumps(facts))
    models = ["package:base", "package:tiny.en", "hub/whisper-small.en-atc", str(english), str(multilingual)]
    created = [start(asr_model=model).http.post("/v1/meetings", json={}).json()["language"] for model in models]
    assert created == ["auto", "en", "en", "en", "auto"]


def test_a_language_that_the_model_does_not_support_is_refused(start: Callable[..., Api]) -> None:
    english = start(asr_model="package:tiny.en").http.post("/v1/meetings", json={"language": "de"})
    assert english.status_code == 422
    assert english.json()["type"] == "urn:minutebook:problem:unknown-language"
    assert "'de'" in english.json()["detail"]
    assert "MINUTEBOOK_ASR_MODEL" in english.json()["detail"]
    assert start(asr_model="package:base").http.post("/v1/meetings", json={"language": "de"}).status_code == 201


@pytest.mark.parametrize("field", ["asr_adapter", "summary_adapter"])
def test_an_unknown_adapter_is_refused_with_the_names_of_known_ones(api: Api, field: str) -> None:
    task = field.removesuffix("_adapter")
    with api.database.write() as session:
        session.add(version("medical", task=AdapterTask(task)))
        session.add(version("for-others", task=AdapterTask.SUMMARY if task == "asr" else AdapterTask.ASR))
    for unknown in ("legal", "for-others"):
        answer = api.http.post("/v1/meetings", json={field: unknown})
        assert answer.status_code == 422
        assert answer.json()["type"] == "urn:minutebook:problem:unknown-adapter"
        assert f"'{unknown}'" in answer.json()["detail"]
        assert "use one of medical, or leave it out" in answer.json()["detail"]
    assert api.http.post("/v1/meetings", json={field: "medical"}).json()[field] == "medical"


@pytest.mark.parametrize(
    "cursor",
    [
        "page2",
        base64.urlsafe_b64encode(b"2026-03-02T09:30:00 a").decode(),  # without a zone
        base64.urlsafe_b64encode(b"0001-01-01T00:00:00+14:00 a").decode(),  # before the first year in UTC
        base64.urlsafe_b64encode(b"2026-03-02T09:30:00+00:00 a\0").decode(),
    ],
)
def test_a_malformed_cursor_is_refused(api: Api, cursor: str) -> None:
    answer = api.http.get("/v1/meetings", params={"cursor": cursor})
    assert answer.status_code == 422
    assert cursor[:40] in answer.json()["detail"]


def test_malformed_json_and_too_large_bodies_are_refused(api: Api) -> None:
    headers = {"Content-Type": "application/json"}
    broken = api.http.post("/v1/meetings", content=b'{"title": ', headers=headers)
    assert broken.status_code == 422
    assert broken.json()["type"] == "urn:minutebook:problem:invalid-input"
    assert broken.json()["detail"] == "body = not JSON: Send JSON (Expecting value at character 10)"
    large = api.http.post("/v1/meetings", json={"title": "x" * (1 << 20)})
    assert large.status_code == 413
    assert str(JSON_LIMIT_BYTES) in large.json()["detail"]


def test_unknown_routes_and_methods_are_answered_with_problem_documents(api: Api) -> None:
    nowhere, wrong = api.http.get("/v2/meetings"), api.http.put("/v1/meetings")
    assert (nowhere.status_code, wrong.status_code) == (404, 405)
    assert nowhere.json()["type"] == "urn:minutebook:problem:no-route"
    assert "PUT" in wrong.json()["detail"]
    assert wrong.headers["allow"]
    assert {answer.headers["content-type"] for answer in (nowhere, wrong)} == {"application/problem+json"}


def test_an_internal_error_is_answered_only_with_its_error_id(api: Api) -> None:
    meeting = api.create()
    with api.database.write() as session:
        session.get_one(Meeting, meeting).state = "confused"
    answer = httpx.get(f"{api.url}/v1/meetings/{meeting}", trust_env=False)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["error_id"] in answer.json()["detail"]
    assert "confused" not in answer.text
    with live(api, meeting) as socket:
        assert "confused" not in socket.next_of("error")["detail"]
        assert socket.end()[0] == 1011


def test_tracks_side_by_side_make_a_meeting_no_longer(api: Api) -> None:
    meeting = api.create(tracks=[{"name": name} for name in "abcd"])
    for track in "abcd":
        api.send(meeting, 0, bytes(32_000 if track == "b" else 64_000), track=track)
    coverage = api.http.get(f"/v1/meetings/{meeting}").json()["coverage"]
    assert (coverage["duration_s"], coverage["received_s"], coverage["pending_s"]) == (2.0, 7.0, 7.0)
    exported = api.http.get(f"/v1/meetings/{meeting}/export", params={"format": "txt"}).text
    assert "Audio: 2.0 s long, 7.0 s received on all tracks: 7.0 s pending" in exported
    tracks = api.http.get(f"/v1/meetings/{meeting}/coverage").json()["tracks"]
    assert [track["totals"]["duration_s"] for track in tracks] == [2.0, 1.0, 2.0, 2.0]


def test_the_date_of_a_recording_is_the_start_of_its_meeting(api: Api) -> None:
    created = MeetingOut.model_validate(api.http.get(f"/v1/meetings/{api.create()}").json())
    assert (created.started_at, created.started_at_source) == (created.created_at, "created")
    meeting = api.create(recorded_at="2026-03-04T23:30:00-08:00")
    shown = api.http.get(f"/v1/meetings/{meeting}").json()
    assert (shown["started_at"], shown["started_at_source"]) == ("2026-03-04T23:30:00-08:00", "caller")
    assert "2026-03-04 23:30 UTC-08:00" in api.http.get(f"/v1/meetings/{meeting}/export").text


def test_a_meeting_says_where_its_title_comes_from(api: Api) -> None:
    sources = [api.http.get(f"/v1/meetings/{api.create(title=title)}").json()["title_source"] for title in ("", "We")]
    assert sources == [None, "caller"]


@pytest.mark.parametrize("stated", ["1970-01-01", "2999-01-01", "yesterday", "", 12, True, "2026-02-30"])
def test_a_date_at_which_nothing_can_have_been_recorded_is_refused(api: Api, stated: object) -> None:
    answer = api.http.post("/v1/meetings", json={"recorded_at": stated})
    assert answer.status_code == 422
    assert "recorded_at" in answer.json()["detail"]


def test_an_action_is_due_on_a_day_counted_from_the_recording(api: Api) -> None:
    meeting = api.create(recorded_at="2026-03-04T23:30:00-08:00")
    action = {"text": "Tom fixes the parser by Thursday.", "owner": "Tom", "due": "Thursday"}
    add_minutes(api.database, meeting, "We met.", kind=SummaryKind.FINAL, actions=[action])
    minutes = api.http.get(f"/v1/meetings/{meeting}/minutes").json()["minutes"]
    assert [(each["due"], each["due_on"]) for each in minutes["actions"]] == [("Thursday", "2026-03-05")]
    sentence = api.http.get(f"/v1/meetings/{meeting}/minutes/sentences/{minutes['actions'][0]['id']}").json()
    assert sentence["due_on"] == "2026-03-05"
    assert "due: 2026-03-05" in api.http.get(f"/v1/meetings/{meeting}/export", params={"format": "txt"}).text


def test_a_meeting_has_the_template_of_its_request_else_that_of_the_server(start: Callable[..., Api]) -> None:
    api = start(minutes_template="stand-up")
    assert api.http.post("/v1/meetings", json={}).json()["template"] == "stand-up"
    meeting = api.http.post("/v1/meetings", json={"template": "formal"}).json()
    assert meeting["template"] == "formal"
    unknown = [
        api.http.post("/v1/meetings", json={"template": "poem"}),
        api.http.patch(f"/v1/meetings/{meeting['id']}", json={"template": "poem"}),
    ]
    for answer in unknown:
        assert answer.status_code == 422
        assert "template 'poem' is not known; use one of formal" in answer.json()["detail"]
    names = [each["name"] for each in api.http.get("/v1/templates").json()["templates"]]
    assert names == ["formal", "general", "interview", "lecture", "one-to-one", "stand-up"]
