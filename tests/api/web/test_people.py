"""The people of a meeting in Chromium: names, suggestions, who is the same, and where somebody else begins to speak."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from schema.core.states import MeetingState
from tests.api.conftest import Api
from tests.api.database_rows import move
from tests.api.test_speakers import speakers, spoken
from tests.api.web.conftest import WatchedPages
from tests.api.web.test_everybody import PHONE, serious

LINES = (
    (1, "Good morning, I'm Tom."),
    (2, "Hello. Shall we begin?"),
    (3, "Yes please. I wait."),
    (1, "Thanks."),
)


@dataclass
class PeoplePages:
    pages: WatchedPages
    api: Api
    meeting: str

    def open(self, **options: object) -> Page:
        """The meeting, with its people unfolded."""
        page = self.pages.open(f"meetings/{self.meeting}", **options)  # type: ignore[arg-type]
        page.get_by_text("3 speakers").click()
        return page

    def stored(self) -> list[str]:
        return speakers(self.api, self.meeting)


@pytest.fixture
def people(chromium: Browser, start: Callable[..., Api]) -> Iterator[PeoplePages]:
    """Pages of an API whose only meeting has three people on one track. No worker runs."""
    api = start()
    meeting = spoken(api, *LINES)
    move(api.database, meeting, MeetingState.FINISHED)
    pages = WatchedPages(chromium, api.url)
    yield PeoplePages(pages, api, meeting)
    pages.close()
    assert "\n".join(pages.faults) == ""


def test_a_person_gets_a_name_everywhere_and_the_change_is_undone(people: PeoplePages) -> None:
    page = people.open()
    page.get_by_label("Name of speaker 2").fill("Priya")
    page.locator(".people li").nth(1).get_by_role("button", name="Save").click()
    expect(page.locator(".segment .speaker").nth(1)).to_have_text("Priya")
    assert people.stored() == ["Speaker 1", "Priya", "Speaker 3", "Speaker 1"]
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".segment .speaker").nth(1)).to_have_text("Speaker 2")
    assert people.stored() == ["Speaker 1", "Speaker 2", "Speaker 3", "Speaker 1"]


def test_a_spoken_name_is_suggested_with_its_sentence_and_taken_by_a_click(people: PeoplePages) -> None:
    page = people.open()
    expect(page.locator(".people summary")).to_contain_text("1 name to check")
    page.locator(".people").get_by_role("button", name="I'm Tom").click()
    expect(page.locator(".segment.pointed")).to_contain_text("Good morning, I'm Tom.")
    page.get_by_role("button", name="Call this person Tom").click()
    expect(page.locator(".segment .speaker").first).to_have_text("Tom")
    assert people.stored() == ["Tom", "Speaker 2", "Speaker 3", "Tom"]
    expect(page.locator(".people summary")).not_to_contain_text("to check")


def test_two_people_become_one_and_are_separated_again(people: PeoplePages) -> None:
    page = people.open()
    page.get_by_label("Same person as").nth(2).select_option("Speaker 2")
    expect(page.get_by_text("Speaker 3 is the same person.")).to_be_visible()
    assert people.stored() == ["Speaker 1", "Speaker 2", "Speaker 2", "Speaker 1"]
    page.get_by_role("button", name="Separate").click()
    expect(page.locator(".people li")).to_have_count(3)
    assert people.stored() == ["Speaker 1", "Speaker 2", "Speaker 3", "Speaker 1"]


def test_a_segment_is_divided_where_somebody_else_begins_and_joined_again(people: PeoplePages) -> None:
    page = people.open()
    third = page.locator(".segment").nth(2)
    third.locator(".edit").click()
    third.get_by_text("Somebody else begins to speak here").click()
    third.locator(".words").get_by_role("button", name="I", exact=True).click()
    third.get_by_label("Who it is").fill("Leo")
    third.get_by_role("button", name="Divide").click()
    expect(page.locator(".segment .said")).to_have_text(
        [text for _, text in (*LINES[:2], (3, "Yes please."), (3, "I wait."), LINES[3])]
    )
    assert people.stored() == ["Speaker 1", "Speaker 2", "Speaker 3", "Leo", "Speaker 1"]
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".segment .said")).to_have_text([text for _, text in LINES])


@pytest.mark.parametrize("viewport", [None, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_serious_among_people(people: PeoplePages, axe: str, viewport: dict[str, int] | None) -> None:
    page = people.open(**({"viewport": viewport} if viewport else {}))
    page.locator(".segment .edit").nth(2).click()
    page.get_by_text("Somebody else begins to speak here").click()
    assert serious(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_meeting_without_voices_shows_no_list_of_people(people: PeoplePages) -> None:
    other = people.api.create()
    move(people.api.database, other, MeetingState.FINISHED)
    page = people.pages.open(f"meetings/{other}")
    expect(page.locator("h1")).to_be_visible()
    expect(page.locator(".people")).to_have_count(0)
