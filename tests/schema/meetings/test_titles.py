"""Titles of recordings: file names that say nothing give way to the content."""

from __future__ import annotations

import pytest

from schema.core.states import TitleSource
from schema.meetings.tables import Meeting
from schema.meetings.titles import is_generic, set_title, take_tagged_title, take_title_of_content, title_of_file
from schema.minutes.minutes import Minutes

MINUTES = Minutes(title="Boiler and north wing")


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("launch.mp4", "launch"),
        ("Q3_review__call.MP3", "Q3 review call"),
        ("Meeting 5.3.2026", "Meeting 5.3.2026"),
        ("archive.tar.gz", "archive.tar"),
        (".hidden", ".hidden"),
        ("", ""),
    ],
)
def test_a_file_name_becomes_a_title_without_its_extension(name: str, title: str) -> None:
    assert title_of_file(name) == title


@pytest.mark.parametrize(
    "name",
    ["audio", "Recording", "blob", "New Recording 5", "REC_20260305", "20260305T093000Z", "Voice Memo", "IMG-1234", "",
     "WhatsApp Audio 2026-03-05 at 09.30.15", "GMT20260305-093000_Recording"],
)  # fmt: skip
def test_names_that_recorders_give_say_nothing(name: str) -> None:
    assert is_generic(name)


@pytest.mark.parametrize("name", ["audio budget", "Recorder review", "Voices", "3rd board meeting"])
def test_a_name_with_one_telling_word_is_a_title(name: str) -> None:
    assert not is_generic(name)


@pytest.mark.parametrize(
    ("title", "source", "shown"),
    [
        ("audio", TitleSource.FILE_NAME, "Boiler and north wing"),
        ("", TitleSource.FILE_NAME, "Boiler and north wing"),
        ("Q3 review", TitleSource.FILE_NAME, "Q3 review"),
        ("audio", TitleSource.CALLER, "audio"),
        ("", None, "Boiler and north wing"),
    ],
)
def test_the_minutes_name_a_meeting_without_a_telling_title(title: str, source: TitleSource | None, shown: str) -> None:
    meeting = Meeting(title=title, title_from=source)
    take_title_of_content(meeting, Minutes())
    assert meeting.title == title
    take_title_of_content(meeting, MINUTES)
    assert meeting.title == shown


def test_a_tag_that_says_nothing_is_no_title() -> None:
    meeting = Meeting()
    set_title(meeting, "Q3 review", TitleSource.FILE_NAME)
    take_tagged_title(meeting, "Track 1")
    assert meeting.title == "Q3 review"
