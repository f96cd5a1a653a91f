"""Transcript, minutes, notes, coverage and exports as the API returns them."""

from __future__ import annotations

import pytest

from schema.core.states import SummaryKind
from tests.api.conftest import Api
from tests.api.database_rows import add_coverage, add_minutes, add_note, add_segment, grow_segment

SECOND = b"\x01\x00" * 16_000


def test_the_transcript_merges_the_tracks_by_time(api: Api) -> None:
    meeting = api.create(tracks=[{"name": "a", "speaker": "Anna"}, {"name": "b"}])
    add_segment(api.database, meeting, "Second.", 2, 3, track="a")
    add_segment(api.database, meeting, "First.", 0, 1, track="b")
    add_segment(api.database, meeting, "Third.", 4, 5, track="b")
    transcript = api.http.get(f"/v1/meetings/{meeting}/transcript").json()
    said = [(each["text"], each["track"], each["speaker"], each["words"]) for each in transcript["segments"]]
    assert said == [("First.", "b", None, []), ("Second.", "a", "Anna", []), ("Third.", "b", None, [])]
    assert transcript["last_seq"] == 3


def test_words_are_included_on_request(api: Api) -> None:
    meeting = api.create()
    add_segment(api.database, meeting, "Good morning.", 1, 2)
    segment = api.http.get(f"/v1/meetings/{meeting}/transcript", params={"words": "1"}).json()["segments"][0]
    assert segment["words"] == [
        {"text": " Good", "start_s": 1.0, "end_s": 1.5, "probability": 0.9},
        {"text": " morning.", "start_s": 1.5, "end_s": 2.0, "probability": 0.9},
    ]


def test_the_transcript_gives_the_sequence_number_from_which_events_continue(api: Api) -> None:
    meeting = api.create()
    first = add_segment(api.database, meeting, "Good")
    grow_segment(api.database, first.data["id"], "morning.")
    assert api.http.get(f"/v1/meetings/{meeting}/transcript").json()["last_seq"] == 2


def test_final_minutes_are_preferred_to_the_latest_rolling_ones(api: Api) -> None:
    meeting = api.create()
    path = f"/v1/meetings/{meeting}/minutes"
    none_yet = api.http.get(path)
    assert none_yet.status_code == 404
    assert "no minutes yet" in none_yet.json()["detail"]
    add_minutes(api.database, meeting, "One", 1)
    add_minutes(api.database, meeting, "Two", 2)
    assert text(api, path) == "Two"
    add_minutes(api.database, meeting, "Final", 1, SummaryKind.FINAL)
    assert text(api, path) == "Final"
    assert text(api, path, kind="rolling") == "Two"
    assert text(api, path, kind="rolling", version="1") == "One"
    assert api.http.get(path, params={"kind": "final", "version": "9"}).status_code == 404
    assert api.http.get(path, params={"version": str(10**30)}).status_code == 422
    assert api.http.get(path, params={"kind": "best"}).status_code == 422


def text(api: Api, path: str, **query: str) -> str:
    answer = api.http.get(path, params=query)
    assert answer.status_code == 200, answer.text
    sentence: str = answer.json()["minutes"]["overview"][0]["text"]
    return sentence


def test_coverage_tiles_what_was_received(api: Api) -> None:
    meeting = api.create()
    api.send(meeting, 0, SECOND * 4)
    add_coverage(api.database, meeting, "silent", 0, 1)
    add_coverage(api.database, meeting, "transcribed", 1, 3)
    coverage = api.http.get(f"/v1/meetings/{meeting}/coverage").json()
    spans = coverage["tracks"][0]["spans"]
    assert [(span["first_sample"], span["end_sample"], span["kind"]) for span in spans] == [
        (0, 16_000, "silent"),
        (16_000, 48_000, "transcribed"),
        (48_000, 64_000, "pending"),
    ]
    assert coverage["totals"] == coverage["tracks"][0]["totals"]
    seconds = coverage["totals"]
    lengths = (seconds.pop("duration_s"), seconds.pop("received_s"))
    assert lengths == (4.0, 4.0)
    assert sum(seconds.values()) == 4.0


def test_notes_are_listed_in_order(api: Api) -> None:
    meeting = api.create()
    add_note(api.database, meeting, "First", 0)
    add_note(api.database, meeting, "Second", 1)
    notes = api.http.get(f"/v1/meetings/{meeting}/notes").json()["notes"]
    assert [note["body"]["text"] for note in notes] == ["First", "Second"]


@pytest.mark.parametrize(
    ("form", "media_type", "begin"),
    [
        ("md", "text/markdown", "# Launch\n"),
        ("txt", "text/plain", "Launch\n======\n"),
        ("json", "application/json", "{\n"),
        ("srt", "application/x-subrip", "1\n00:00:00,000 --> 00:00:01,000\nGood morning.\n"),
        ("vtt", "text/vtt", "WEBVTT\n"),
    ],
)
def test_a_meeting_is_exported_in_every_format(api: Api, form: str, media_type: str, begin: str) -> None:
    meeting = api.create(title="Launch")
    add_segment(api.database, meeting, "Good morning.")
    answer = api.http.get(f"/v1/meetings/{meeting}/export", params={"format": form})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(media_type)
    disposition = f"attachment; filename=\"meeting-{meeting}.{form}\"; filename*=UTF-8''Launch.{form}"
    assert answer.headers["content-disposition"] == disposition
    assert answer.text.startswith(begin)


def test_an_unknown_export_format_is_refused(api: Api) -> None:
    answer = api.http.get(f"/v1/meetings/{api.create()}/export", params={"format": "pdf"})
    assert answer.status_code == 422
    assert "query.format = 'pdf'" in answer.json()["detail"]
