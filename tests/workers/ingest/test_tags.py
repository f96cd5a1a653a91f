"""The date and the title of a recording come from its tags, unless the sender gave others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from schema.meetings.tables import Meeting
from tests.workers.ingest.files import encoded, tone
from tests.workers.ingest.ingest_rig import IngestRig
from workers.ingest.tags import recording_tags

MADE_AT = datetime(2026, 3, 5, 9, 30, 15)
BEXT = {"origination_date": "2026-03-05", "origination_time": "09:30:15"}
KINDS: dict[str, tuple[dict[str, Any], dict[str, str], datetime]] = {
    "MP4": (
        {"codec": "aac", "container": "mp4", "rate_hz": 48_000},
        {"creation_time": "2026-03-05T09:30:15Z"},
        MADE_AT.replace(tzinfo=UTC),
    ),
    "Matroska": (
        {"codec": "libopus", "container": "matroska", "rate_hz": 48_000},
        {"creation_time": "2026-03-05T10:30:15+01:00"},
        MADE_AT.replace(tzinfo=UTC),
    ),
    "Broadcast Wave": ({"options": {"write_bext": "1"}}, BEXT, MADE_AT.astimezone(UTC)),
    "ID3": (
        {"codec": "libmp3lame", "container": "mp3", "rate_hz": 44_100},
        {"date": "2026-03-05"},
        datetime(2026, 3, 5).astimezone(UTC),
    ),
}


def meeting_of(rig: IngestRig, upload_id: str) -> Meeting:
    with rig.database.read() as session:
        return session.get_one(Meeting, rig.upload(upload_id).meeting_id)


@pytest.mark.parametrize("kind", KINDS)
def test_a_recording_tells_when_it_was_made_and_what_it_is_called(rig: IngestRig, kind: str) -> None:
    form, tags, made_at = KINDS[kind]
    made = {"rate_hz": 16_000, **form}
    upload_id = rig.store(encoded(tone(1, made["rate_hz"]), tags={"title": "Launch", **tags}, **made), name="audio.bin")
    rig.run_until_idle()
    meeting = meeting_of(rig, upload_id)
    assert (meeting.recorded_at, meeting.recorded_from) == (made_at, "recording")
    assert (meeting.title, meeting.title_from) == ("Launch", "tag")
    assert "tags" not in rig.upload(upload_id).media


def test_what_the_sender_says_counts_more_than_the_tags(rig: IngestRig) -> None:
    tags = {"title": "Launch", "date": "2026-03-05"}
    upload_id = rig.store(encoded(tone(1), tags=tags), title="Budget", recorded_at="2026-01-02T03:04:05Z")
    rig.run_until_idle()
    meeting = meeting_of(rig, upload_id)
    assert (meeting.title, meeting.recorded_from) == ("Budget", "caller")
    assert meeting.recorded_at == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_the_time_of_the_file_counts_if_the_recording_has_no_date(rig: IngestRig) -> None:
    upload_id = rig.store(encoded(tone(1)), name="REC_0001.wav", modified_at="2026-01-02T03:04:05Z")
    rig.run_until_idle()
    meeting = meeting_of(rig, upload_id)
    assert (meeting.title, meeting.title_from) == ("REC 0001", "file_name")
    assert (meeting.recorded_at, meeting.recorded_from) == (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "file")


@pytest.mark.parametrize(
    "stated", ["1904-01-01T00:00:00Z", "1970-01-01", "2024", "9999-12-31", "soon", "", "2026-13-45", "0000-00-00"]
)
def test_the_date_of_a_clock_that_was_never_set_is_no_date(stated: str) -> None:
    assert recording_tags({"creation_time": stated}) == {}
    dated = recording_tags({"creation_time": stated, "date": "2026-03-05T12:00:00Z"})
    assert dated == {"recorded_at": "2026-03-05T12:00:00+00:00"}


def test_the_date_with_a_zone_counts_before_others() -> None:
    apple = {"creation_time": "2026-03-05T08:00:00Z", "com.apple.quicktime.creationdate": "2026-03-05T10:15:00+0100"}
    assert recording_tags(apple)["recorded_at"] == "2026-03-05T10:15:00+01:00"


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patched:
        patched.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("in_berlin")
@pytest.mark.parametrize(
    ("stated", "started_at"),
    [
        ("2026-03-02T23:30:00Z", "2026-03-03T00:30:00+01:00"),
        ("2026-07-02T23:30:00", "2026-07-02T23:30:00+02:00"),
        ("2026-03-02T23:30:00-05:00", "2026-03-02T23:30:00-05:00"),
        ("2026-03-02T23:30:00+00:00", "2026-03-02T23:30:00+00:00"),
    ],
)
def test_only_a_date_without_an_offset_is_read_in_the_zone_of_the_server(stated: str, started_at: str) -> None:
    assert recording_tags({"creation_time": stated}) == {"recorded_at": started_at}


def test_a_title_in_tags_is_one_line_of_text() -> None:
    assert recording_tags({"TITLE": "  Launch\x1b[31m\nplan "}) == {"title": "Launch[31m plan"}
