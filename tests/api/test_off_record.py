"""Passages are taken out of the minutes through the API, and the transcript marks them."""

from __future__ import annotations

from tests.api.conftest import Api
from tests.api.database_rows import add_segment

SECOND = b"\x01\x00" * 16_000


def test_a_live_meeting_goes_off_the_record_now_and_back(api: Api) -> None:
    meeting = api.create()
    path = f"/v1/meetings/{meeting}/off-record"
    api.send(meeting, 0, SECOND)
    opened = api.http.post(path, json={}).json()
    assert (opened["start_s"], opened["end_s"], opened["source"]) == (1.0, None, "marked")
    api.send(meeting, 16_000, SECOND)
    assert api.http.patch(f"{path}/{opened['id']}", json={}).json()["end_s"] == 2.0
    assert [each["end_s"] for each in api.http.get(path).json()["off_record"]] == [2.0]
    assert api.http.delete(f"{path}/{opened['id']}").status_code == 204
    assert api.http.get(path).json() == {"off_record": []}


def test_transcript_and_exports_mark_what_is_off_the_record(api: Api) -> None:
    meeting = api.create()
    add_segment(api.database, meeting, "We buy bolts.", 0, 2)
    add_segment(api.database, meeting, "Off the record, he goes.", 2, 4)
    add_segment(api.database, meeting, "We buy screws.", 9, 10)
    path = f"/v1/meetings/{meeting}"
    api.http.post(f"{path}/off-record", json={"start_s": 9.5, "end_s": 12})
    marks = [each["off_record"] for each in api.http.get(f"{path}/transcript").json()["segments"]]
    assert marks == [False, True, True]
    spans = [(each["start_s"], each["source"]) for each in api.http.get(f"{path}/off-record").json()["off_record"]]
    assert spans == [(2.0, "spoken"), (9.5, "marked")]
    text = api.http.get(f"{path}/export", params={"format": "txt"}).text
    assert "0:00 We buy bolts.\n" in text
    assert "0:02 Off the record, he goes. [off the record]\n" in text


def test_a_passage_that_cannot_be_is_refused_with_its_times(api: Api) -> None:
    path = f"/v1/meetings/{api.create()}/off-record"
    backwards = api.http.post(path, json={"start_s": 3, "end_s": 2})
    assert (backwards.status_code, backwards.json()["type"]) == (422, "urn:minutebook:problem:invalid-input")
    assert "would end at 2 s, but begins at 3 s" in backwards.json()["detail"]
    assert api.http.patch(f"{path}/7", json={"end_s": 1}).status_code == 404
