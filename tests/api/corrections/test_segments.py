"""Corrections through the API: what they change, who is refused, and that earlier versions are kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from websockets.asyncio.client import connect

from api.auth.keys import create_key
from schema.core.states import MeetingState, Scope
from schema.corrections.segments import QUIET_MS, VERSIONS_LIMIT, quiet_key
from schema.meetings.tables import Meeting, Segment
from tests.api.conftest import Api
from tests.api.database_rows import add_segment, move
from tests.servers import fresh_postgres

HEARD = "We move the lunch to Monday."
MEANT = "We move the launch to Monday."


@pytest.fixture
def meeting(api: Api) -> str:
    return api.create(title="Launch", tracks=[{"name": "main", "speaker": "Channel 1"}])


@pytest.fixture
def segment(api: Api, meeting: str) -> str:
    """The path of a closed segment."""
    event = add_segment(api.database, meeting, HEARD, 1, 3)
    return f"/v1/meetings/{meeting}/segments/{event.data['id']}"


def test_a_correction_appears_everywhere_and_the_recognised_text_is_kept(api: Api, meeting: str, segment: str) -> None:
    answer = api.http.patch(segment, json={"text": f"  {MEANT}\n", "speaker": "Priya"})
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"'), answer.text
    corrected = answer.json()
    assert (corrected["text"], corrected["speaker"], corrected["corrected"]) == (MEANT, "Priya", True)
    assert [word["text"] for word in corrected["words"]][3:5] == [" launch", " to"]
    assert api.http.get(segment).json() == corrected
    assert api.http.get(f"/v1/meetings/{meeting}/transcript", params={"words": 1}).json()["segments"] == [corrected]
    for form in ("md", "txt", "srt", "vtt", "json"):
        shown = api.http.get(f"/v1/meetings/{meeting}/export", params={"format": form}).text
        assert "launch to" in shown.replace("\n", " "), form
        assert "lunch" not in shown, form
        assert "Priya" in shown, form
    assert [hit["segment_id"] for hit in search(api, "launch")] == [corrected["id"]]
    assert search(api, "lunch") == []
    heard, now = api.http.get(f"{segment}/versions").json()["versions"]
    assert (heard["version"], heard["text"], heard["speaker"], heard["model"]) == (1, HEARD, "Channel 1", "tiny.en")
    assert (now["version"], now["text"], now["author"], now["origin"]) == (2, MEANT, "local", "edited")
    with api.database.read() as session:
        row = session.get_one(Segment, corrected["id"])
        assert "".join(word[0] for word in row.words) == f" {HEARD}"
        assert session.get_one(Meeting, meeting).revised_seq == row.seq == 2
    (listed,) = api.http.get(f"/v1/meetings/{meeting}/corrections").json()["corrections"]
    assert (listed["track"], listed["start_s"], listed["end_s"]) == ("main", 1.0, 3.0)
    assert (listed["original_text"], listed["text"]) == (HEARD, MEANT)


def search(api: Api, words: str) -> list[dict[str, object]]:
    hits: list[dict[str, object]] = api.http.get("/v1/search", params={"q": words}).json()["hits"]
    return hits


def test_repeating_a_correction_makes_no_new_version(api: Api, segment: str) -> None:
    for _ in range(2):
        assert api.http.patch(segment, json={"text": MEANT}).json()["version"] == 2
    assert len(api.http.get(f"{segment}/versions").json()["versions"]) == 2


def test_undoing_a_correction_makes_one_more_version(api: Api, segment: str) -> None:
    api.http.patch(segment, json={"text": MEANT})
    api.http.patch(segment, json={"speaker": None})
    for _ in range(2):
        restored = api.http.delete(f"{segment}/correction").json()
        assert (restored["text"], restored["speaker"]) == (HEARD, "Channel 1")
        assert (restored["version"], restored["corrected"]) == (4, False)
        assert restored["words"][3]["probability"] == 0.9
    origins = [each["origin"] for each in api.http.get(f"{segment}/versions").json()["versions"]]
    assert origins == [None, "edited", "edited", "undone"]
    assert api.http.patch(segment, json={"text": HEARD}).json()["version"] == 4


def test_a_segment_corrected_to_empty_text_is_left_out_of_exports(api: Api, meeting: str, segment: str) -> None:
    add_segment(api.database, meeting, "Thank you.", 5, 6)
    api.http.patch(segment, json={"text": ""})
    shown = api.http.get(f"/v1/meetings/{meeting}/export").text
    assert shown.endswith("## Transcript\n\n0:05 **Channel 1**: Thank you.\n")
    assert "00:00:01" not in api.http.get(f"/v1/meetings/{meeting}/export", params={"format": "srt"}).text


def test_a_correction_of_an_outdated_version_is_a_412_with_the_current_text(api: Api, segment: str) -> None:
    assert api.http.patch(segment, json={"text": MEANT}, headers={"If-Match": '"1"'}).status_code == 200
    late = api.http.patch(segment, json={"text": "We move."}, headers={"If-Match": '"1"'})
    assert late.status_code == 412
    problem = late.json()
    assert problem["type"] == "urn:minutebook:problem:version-mismatch"
    assert (problem["current_version"], problem["current_text"]) == (2, MEANT)
    assert api.http.delete(f"{segment}/correction", headers={"If-Match": '"1"'}).status_code == 412
    assert api.http.patch(segment, json={"text": "We move."}, headers={"If-Match": "*"}).json()["version"] == 3
    wrong = api.http.patch(segment, json={"text": "x"}, headers={"If-Match": "two"})
    assert (wrong.status_code, "'two' does not name a version" in wrong.json()["detail"]) == (422, True)


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, start: Callable[..., Api]) -> Api:
    if request.param == "sqlite":
        return start()
    return start(database_url=fresh_postgres(request.getfixturevalue("postgres_url"), "corrections_tests"))


def test_of_simultaneous_corrections_of_one_version_only_one_is_accepted(either: Api) -> None:
    meeting = either.create()
    event = add_segment(either.database, meeting, HEARD, 1, 3)
    path = f"/v1/meetings/{meeting}/segments/{event.data['id']}"

    def send(text: str) -> httpx.Response:
        return either.http.patch(path, json={"text": text}, headers={"If-Match": '"1"'})

    with ThreadPoolExecutor(4) as people:
        answers = list(people.map(send, ["One.", "Two.", "Three.", "Four."]))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412, 412]
    winner = next(answer.json() for answer in answers if answer.is_success)
    assert {answer.json()["current_text"] for answer in answers if answer.is_error} == {winner["text"]}
    assert len(either.http.get(f"{path}/versions").json()["versions"]) == 2


def test_simultaneous_corrections_without_a_version_are_all_kept_in_the_history(either: Api) -> None:
    meeting = either.create()
    event = add_segment(either.database, meeting, HEARD, 1, 3)
    path = f"/v1/meetings/{meeting}/segments/{event.data['id']}"
    texts = [f"Number {number}." for number in range(8)]
    with ThreadPoolExecutor(8) as people:
        answers = list(people.map(lambda text: either.http.patch(path, json={"text": text}), texts))
    assert {answer.status_code for answer in answers} == {200}
    versions = either.http.get(f"{path}/versions").json()["versions"]
    assert [each["version"] for each in versions] == list(range(1, 10))
    assert sorted(each["text"] for each in versions[1:]) == texts
    assert either.http.get(path).json()["text"] == versions[-1]["text"]
    assert either.http.get(f"/v1/meetings/{meeting}/transcript").json()["last_seq"] == 9


def test_correcting_an_open_segment_is_refused_with_the_remedy(api: Api, segment: str) -> None:
    with api.database.write() as session:
        session.get_one(Segment, int(segment.rpartition("/")[2])).closed = False
    refused = api.http.patch(segment, json={"text": MEANT})
    assert refused.status_code == 409
    assert "once it is closed" in refused.json()["detail"]
    assert refused.json()["retryable"] is True


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "give 'text', 'speaker' or both"),
        ({"text": "x" * 4001}, "at most 4000"),
        ({"text": None}, "valid string"),
        ({"text": "a\0b"}, "U+0000"),
        ({"text": "a\x1b[31mb"}, "U+001B"),
        ({"speaker": "x" * 101}, "at most 100"),
        ({"words": []}, "no such field"),
    ],
)
def test_an_invalid_correction_is_refused_by_name(
    api: Api, segment: str, body: dict[str, object], message: str
) -> None:
    refused = api.http.patch(segment, json=body)
    assert refused.status_code == 422
    assert message in refused.json()["detail"]
    assert api.http.get(segment).json()["version"] == 1


def test_text_that_is_not_valid_unicode_is_refused(api: Api, segment: str) -> None:
    headers = {"Content-Type": "application/json"}
    assert api.http.patch(segment, content=b'{"text": "\\ud800"}', headers=headers).status_code == 422


def test_segments_of_other_meetings_and_unknown_ones_are_not_found(api: Api, segment: str) -> None:
    other = api.create()
    number = segment.rpartition("/")[2]
    assert api.http.patch(f"/v1/meetings/{other}/segments/{number}", json={"text": "x"}).status_code == 404
    assert api.http.get(f"/v1/meetings/{other}/segments/{10**30}").status_code == 422
    assert api.http.get(f"{segment}9/versions").status_code == 404
    move(api.database, other, MeetingState.DELETED)
    assert api.http.patch(f"/v1/meetings/{other}/segments/{number}", json={"text": "x"}).status_code == 410


def test_a_segment_with_the_most_versions_cannot_be_corrected(api: Api, segment: str) -> None:
    with api.database.write() as session:
        session.get_one(Segment, int(segment.rpartition("/")[2])).version = VERSIONS_LIMIT
    refused = api.http.patch(segment, json={"text": MEANT})
    assert (refused.status_code, api.http.get(segment).json()["text"]) == (409, HEARD)


def test_only_a_key_with_write_scope_may_correct_and_its_id_is_the_author(start: Callable[..., Api]) -> None:
    api = start(auth="on")
    writer = create_key(api.database, "writer", [Scope.READ, Scope.WRITE])
    reader = create_key(api.database, "reader", [Scope.READ])
    keys = {name: {"Authorization": f"Bearer {key.key}"} for name, key in (("w", writer), ("r", reader))}
    meeting = api.http.post("/v1/meetings", json={}, headers=keys["w"]).json()["id"]
    event = add_segment(api.database, meeting, HEARD, 1, 3)
    path = f"/v1/meetings/{meeting}/segments/{event.data['id']}"
    assert api.http.patch(path, json={"text": MEANT}).status_code == 401
    assert api.http.patch(path, json={"text": MEANT}, headers=keys["r"]).status_code == 403
    assert api.http.get(path, headers=keys["r"]).status_code == 404  # another owner's
    assert api.http.patch(path, json={"text": MEANT}, headers=keys["w"]).status_code == 200
    versions = api.http.get(f"{path}/versions", headers=keys["w"]).json()["versions"]
    assert versions[1]["author"] == writer.id


def test_renaming_a_speaker_changes_all_segments_and_those_to_come(either: Api) -> None:
    tracks = [{"name": "a", "speaker": "Channel 1"}, {"name": "b", "speaker": "Channel 2"}]
    meeting = either.create(tracks=tracks)
    for at, track in enumerate("abaa"):
        add_segment(either.database, meeting, f"Sentence {at}.", at, at + 1, track=track)
    with either.database.write() as session:
        open_segment = session.query(Segment).order_by(Segment.id.desc()).first()
        assert open_segment is not None
        open_segment.closed = False
    path = f"/v1/meetings/{meeting}/speakers"
    renamed = either.http.patch(path, json={"speaker": "Channel 1", "new_speaker": "Priya"})
    assert renamed.json() == {"segments": 3}
    segments = either.http.get(f"/v1/meetings/{meeting}/transcript").json()["segments"]
    assert [each["speaker"] for each in segments] == ["Priya", "Channel 2", "Priya", "Priya"]
    assert [each["version"] for each in segments] == [2, 1, 2, 1]
    tracks_now = either.http.get(f"/v1/meetings/{meeting}").json()["tracks"]
    assert [each["speaker"] for each in tracks_now] == ["Priya", "Channel 2"]
    assert add_segment(either.database, meeting, "Later.", 8, 9, track="a").data["speaker"] == "Priya"
    nobody = either.http.patch(path, json={"speaker": "Channel 1", "new_speaker": "Tom"})
    assert nobody.status_code == 404
    assert "its speakers: Channel 2, Priya" in nobody.json()["detail"]
    none = either.http.patch(path, json={"speaker": None, "new_speaker": "Tom"})
    assert "has no speaker without a name" in none.json()["detail"]


def test_a_speaker_is_renamed_in_every_spelling_of_the_name(either: Api) -> None:
    meeting = either.create(tracks=[{"name": "a"}, {"name": "b"}])
    for at, (track, name) in enumerate((("a", "Zoé"), ("b", "Zoe\u0301"), ("b", "Zoe"))):
        add_segment(either.database, meeting, "Yes.", at, at + 1, track=track)
        with either.database.write() as session:  # as an earlier version may have written it
            session.query(Segment).order_by(Segment.id.desc()).limit(1).one().speaker = name
    path = f"/v1/meetings/{meeting}/speakers"
    renamed = either.http.patch(path, json={"speaker": "Zoe\u0301", "new_speaker": "می\u200cنا 👩\u200d💻"})
    assert renamed.json() == {"segments": 2}
    segments = either.http.get(f"/v1/meetings/{meeting}/transcript").json()["segments"]
    assert [each["speaker"] for each in segments] == ["می\u200cنا 👩\u200d💻"] * 2 + ["Zoe"]


def test_followers_of_a_live_meeting_get_the_corrected_segment(api: Api, meeting: str, segment: str) -> None:
    async def follow() -> list[str]:
        async with connect(api.live_url(meeting, "?after=0")) as socket:
            texts: list[str] = []
            async with asyncio.timeout(20):
                async for message in socket:
                    if '"segment"' not in str(message):
                        continue
                    texts.append(str(message))
                    if len(texts) == 2:
                        return texts
                    await asyncio.to_thread(api.http.patch, segment, json={"text": MEANT})
        return texts

    heard, corrected = asyncio.run(follow())
    assert HEARD in heard
    assert MEANT in corrected
    assert '"seq":2' in corrected.replace(" ", "")


def test_a_follower_of_a_finished_meeting_gets_corrections_it_missed(api: Api, meeting: str, segment: str) -> None:
    move(api.database, meeting, MeetingState.FINISHED)
    api.http.patch(segment, json={"text": MEANT})
    missed = api.http.get(f"/v1/meetings/{meeting}/events", params={"after": 1}).text
    assert MEANT in missed


def test_a_correction_marks_the_meeting_as_revising_for_a_quiet_period(api: Api, meeting: str, segment: str) -> None:
    api.http.patch(segment, json={"text": MEANT})
    assert 0 < api.redis.pttl(quiet_key(meeting)) <= QUIET_MS
    assert api.http.get(f"/v1/meetings/{meeting}").json()["revising"] is True
