"""Corrections of minutes through the API: what they change, who is refused, and that earlier versions are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from schema.core.states import MeetingState, SummaryKind
from schema.corrections.segments import VERSIONS_LIMIT, quiet_key
from schema.corrections.sentences import SentenceCorrection
from schema.meetings.lifecycle import delete_meeting
from schema.meetings.tables import Meeting, Summary
from schema.minutes.minutes import MINUTES, Action, Chapter, Minutes, Sentence, named
from tests.api.conftest import Api
from tests.api.database_rows import add_minutes, add_segment, move
from tests.servers import fresh_postgres

WRITTEN = "The lunch moves to Monday."
MEANT = "The launch moves to Monday."
TASK = "Tom books the room."


def open_minutes(api: Api) -> str:
    """A finished meeting with final minutes whose decision also stands in the overview and in a chapter."""
    meeting = api.create(title="Launch")
    said = add_segment(api.database, meeting, MEANT, 1, 3).data["id"]
    decided = Sentence(WRITTEN, (said,), 0.8, True)
    minutes = Minutes(
        overview=(decided, Sentence("Everybody was there.")),
        chapters=(Chapter("Dates", 0, 48_000, (decided,)),),
        decisions=(decided,),
        actions=(Action(TASK, "Tom", "Friday", (said,), 0.5, True),),
    )
    add_minutes(api.database, meeting, "", kind=SummaryKind.FINAL)
    with api.database.write() as session:
        # Minutes were stored in this form before sentences had ids.
        body: dict[str, Any] = MINUTES.dump_python(minutes, mode="json", exclude_defaults=True)
        session.query(Summary).one().body = body
    move(api.database, meeting, MeetingState.FINISHED)
    return meeting


@pytest.fixture
def meeting(api: Api) -> str:
    return open_minutes(api)


def path_of(api: Api, meeting: str, text: str) -> str:
    """The path of the sentence *text*."""
    minutes = named(Minutes(overview=(Sentence(text),)))
    return f"/v1/meetings/{meeting}/minutes/sentences/{minutes.overview[0].id}"


def test_a_correction_appears_everywhere_and_the_original_sentence_is_kept(api: Api, meeting: str) -> None:
    path = path_of(api, meeting, WRITTEN)
    before = api.http.get(path)
    assert (before.headers["etag"], before.json()["part"], before.json()["supported"]) == ('"1"', "decision", True)
    answer = api.http.patch(path, json={"text": f" {MEANT}\n"})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"'), answer.text
    corrected = answer.json()
    assert (corrected["text"], corrected["corrected"], corrected["evidence"]) == (
        MEANT, True, before.json()["evidence"],
    )  # fmt: skip
    assert not corrected["supported"]  # until its evidence is checked again
    assert api.http.get(path).json() == corrected
    shown = api.http.get(f"/v1/meetings/{meeting}/minutes").json()["minutes"]
    for sentence in (shown["overview"][0], shown["chapters"][0]["sentences"][0], shown["decisions"][0]):
        assert (sentence["text"], sentence["version"], sentence["corrected"]) == (MEANT, 2, True)
    assert shown["overview"][1]["version"] == 1
    for form in ("md", "txt", "json"):
        exported = api.http.get(f"/v1/meetings/{meeting}/export", params={"format": form}).text
        assert exported.count(MEANT) >= 3, form
        assert "lunch" not in exported, form
    written, now = api.http.get(f"{path}/versions").json()["versions"]
    assert (written["version"], written["text"], written["model"]) == (1, WRITTEN, "gemma")
    assert (now["version"], now["text"], now["author"], now["origin"]) == (2, MEANT, "local", "edited")


def test_a_correction_marks_the_meeting_as_revising_and_reaches_followers(api: Api, meeting: str) -> None:
    seq = api.http.get(f"/v1/meetings/{meeting}/transcript").json()["last_seq"]
    api.http.patch(path_of(api, meeting, WRITTEN), json={"text": MEANT})
    assert api.http.get(f"/v1/meetings/{meeting}").json()["revising"]
    assert api.redis.exists(quiet_key(meeting))
    with api.database.read() as session:
        assert session.get_one(Meeting, meeting).revised_seq == session.query(Summary).one().seq == seq + 1
    assert MEANT in api.http.get(f"/v1/meetings/{meeting}/events", params={"after": seq}).text


def test_an_action_can_get_another_owner_and_due_date(api: Api, meeting: str) -> None:
    path = path_of(api, meeting, TASK)
    changed = api.http.patch(path, json={"owner": "Priya", "due": None}).json()
    assert (changed["text"], changed["owner"], changed["due"], changed["version"]) == (TASK, "Priya", None, 2)
    assert "**Priya**: Tom books" in api.http.get(f"/v1/meetings/{meeting}/export").text
    refused = api.http.patch(path_of(api, meeting, WRITTEN), json={"owner": "Priya"})
    assert (refused.status_code, "is not an action" in refused.json()["detail"]) == (422, True)


def test_repeating_a_correction_makes_no_version_and_undoing_it_makes_one(api: Api, meeting: str) -> None:
    path = path_of(api, meeting, WRITTEN)
    for _ in range(2):
        assert api.http.patch(path, json={"text": MEANT}).json()["version"] == 2
    for _ in range(2):
        restored = api.http.delete(f"{path}/correction").json()
        assert (restored["text"], restored["version"], restored["corrected"]) == (WRITTEN, 3, False)
    assert [each["origin"] for each in api.http.get(f"{path}/versions").json()["versions"]] == [
        None,
        "edited",
        "undone",
    ]


def test_a_sentence_corrected_to_empty_text_is_left_out_of_exports(api: Api, meeting: str) -> None:
    path = path_of(api, meeting, "Everybody was there.")
    assert api.http.patch(path, json={"text": ""}).json()["text"] == ""
    for form in ("md", "txt"):
        exported = api.http.get(f"/v1/meetings/{meeting}/export", params={"format": form}).text
        assert "Everybody" not in exported
        assert "- \n" not in exported
    assert api.http.delete(f"{path}/correction").json()["text"] == "Everybody was there."


def test_a_correction_of_an_outdated_version_is_a_412_with_the_current_text(api: Api, meeting: str) -> None:
    path = path_of(api, meeting, WRITTEN)
    assert api.http.patch(path, json={"text": MEANT}, headers={"If-Match": '"1"'}).status_code == 200
    late = api.http.patch(path, json={"text": "We move."}, headers={"If-Match": '"1"'})
    assert (late.status_code, late.json()["current_version"], late.json()["current_text"]) == (412, 2, MEANT)


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, start: Callable[..., Api]) -> Iterator[Api]:
    if request.param == "sqlite":
        yield start()
    else:
        yield start(database_url=fresh_postgres(request.getfixturevalue("postgres_url"), "sentences_tests"))


def test_of_simultaneous_corrections_of_one_version_only_one_is_accepted(either: Api) -> None:
    path = path_of(either, open_minutes(either), WRITTEN)

    def send(text: str) -> httpx.Response:
        return either.http.patch(path, json={"text": text}, headers={"If-Match": '"1"'})

    with ThreadPoolExecutor(4) as people:
        answers = list(people.map(send, ["One.", "Two.", "Three.", "Four."]))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    assert len(either.http.get(f"{path}/versions").json()["versions"]) == 2


def test_an_invalid_correction_is_refused_by_name(api: Api, meeting: str) -> None:
    unknown = api.http.patch(f"/v1/meetings/{meeting}/minutes/sentences/s000000000000", json={"text": "x"})
    assert (unknown.status_code, "no sentence s000000000000" in unknown.json()["detail"]) == (404, True)
    assert api.http.patch(path_of(api, meeting, WRITTEN), json={}).status_code == 422
    assert api.http.patch(path_of(api, meeting, WRITTEN), json={"text": "x" * 2001}).status_code == 422
    running = api.create()
    add_minutes(api.database, running, WRITTEN)
    early = api.http.patch(path_of(api, running, WRITTEN), json={"text": MEANT})
    assert (early.status_code, "no final minutes yet" in early.json()["detail"]) == (409, True)


def test_a_sentence_with_the_most_versions_cannot_be_corrected(api: Api, meeting: str) -> None:
    path = path_of(api, meeting, WRITTEN)
    with api.database.write() as session:
        summary = session.query(Summary).one()
        body = MINUTES.validate_python(summary.body)
        full = Sentence(WRITTEN, id=path.rpartition("/")[2], version=VERSIONS_LIMIT)
        summary.body = MINUTES.dump_python(Minutes(overview=(full,), actions=body.actions), mode="json")
    assert api.http.patch(path, json={"text": MEANT}).status_code == 409


def test_deleting_a_meeting_deletes_its_corrections(api: Api, meeting: str) -> None:
    api.http.patch(path_of(api, meeting, WRITTEN), json={"text": MEANT})
    delete_meeting(api.stores, meeting)
    with api.database.read() as session:
        assert session.query(SentenceCorrection).count() == 0
