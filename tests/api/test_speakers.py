"""The people of a meeting over HTTP: names, who is the same, suggestions, and segments that are split."""

from __future__ import annotations

from typing import Any

from schema.meetings.tables import Segment
from schema.speakers.people import add_people, people_of
from tests.api.conftest import Api
from tests.api.database_rows import add_segments


def spoken(api: Api, *lines: tuple[int, str]) -> str:
    """A meeting whose segments were said by these persons, three seconds each."""
    meeting = api.create()
    events = add_segments(api.database, meeting, [(text, 3 * at, 3 * at + 3) for at, (_, text) in enumerate(lines)])
    with api.database.write() as session:
        add_people(session, meeting, people_of(session, meeting), {person for person, _ in lines})
        for event, (person, _) in zip(events, lines, strict=True):
            segment = session.get_one(Segment, event.data["id"])
            segment.person, segment.speaker, segment.speaker_from = person, f"Speaker {person}", "voice"
    return meeting


def shown(api: Api, meeting: str) -> list[str]:
    return [each["shown"] for each in api.http.get(f"/v1/meetings/{meeting}/people").json()["people"]]


def speakers(api: Api, meeting: str) -> list[str]:
    return [each["speaker"] for each in api.http.get(f"/v1/meetings/{meeting}/transcript").json()["segments"]]


def change(api: Api, meeting: str, number: int, **fields: Any) -> Any:
    return api.http.patch(f"/v1/meetings/{meeting}/people/{number}", json=fields)


def test_people_are_named_joined_and_separated(api: Api) -> None:
    meeting = spoken(api, (1, "Shall we begin?"), (2, "Yes."), (3, "Yes, please."))
    assert shown(api, meeting) == ["Speaker 1", "Speaker 2", "Speaker 3"]
    assert change(api, meeting, 2, name="Priya").status_code == 200
    assert speakers(api, meeting) == ["Speaker 1", "Priya", "Speaker 3"]
    joined = change(api, meeting, 3, same_as=2).json()["people"][2]
    assert (joined["shown"], joined["same_as"], joined["by_hand"]) == ("Priya", 2, True)
    assert speakers(api, meeting) == ["Speaker 1", "Priya", "Priya"]
    change(api, meeting, 3, same_as=None)
    change(api, meeting, 2, name=None)
    assert speakers(api, meeting) == ["Speaker 1", "Speaker 2", "Speaker 3"]


def test_names_that_were_spoken_are_suggested_with_their_sentences(api: Api) -> None:
    meeting = spoken(api, (1, "Good morning, I'm Tom."), (2, "Hello."))
    first, second = api.http.get(f"/v1/meetings/{meeting}/people").json()["people"]
    assert first["suggestion"]["name"] == "Tom"
    assert [each["text"] for each in first["suggestion"]["evidence"]] == ["Good morning, I'm Tom."]
    assert second["suggestion"] is None
    assert first["name"] is None


def test_a_segment_is_split_at_a_word_and_followers_get_both_parts(api: Api) -> None:
    meeting = spoken(api, (1, "Shall we begin yes we shall"))
    (whole,) = api.http.get(f"/v1/meetings/{meeting}/transcript").json()["segments"]
    path = f"/v1/meetings/{meeting}/segments/{whole['id']}/split"
    parts = api.http.post(path, json={"word": 4, "speaker": "Leo"}).json()["segments"]
    assert [(each["speaker"], each["text"]) for each in parts] == [
        ("Speaker 1", "Shall we begin"),
        ("Leo", "yes we shall"),
    ]
    refused = api.http.post(path, json={"word": 4})
    assert refused.status_code == 422
    assert "has 3 words" in refused.json()["detail"]


def test_a_person_who_is_not_there_and_an_empty_change_are_refused(api: Api) -> None:
    meeting = spoken(api, (1, "Hello."))
    assert change(api, meeting, 9, name="Tom").status_code == 404
    assert change(api, meeting, 1, same_as=1).status_code == 422
    assert "nothing would change" in change(api, meeting, 1).json()["detail"]


def test_a_number_of_speakers_is_refused_where_nobody_listens(api: Api) -> None:
    refused = api.http.post("/v1/meetings", json={"speakers": "4"})
    assert refused.status_code == 422
    assert "MINUTEBOOK_SPEAKERS" in refused.json()["detail"]
    assert api.http.post("/v1/meetings", json={"speakers": "auto"}).status_code == 201
