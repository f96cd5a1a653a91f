"""A meeting that is over: evidence, corrections and their undoing, exports, and titles that look like markup."""

from __future__ import annotations

import httpx
import pytest
from playwright.sync_api import expect

from tests.api.web.conftest import TITLE, OpenMeeting, WatchedPages
from tests.running_stack import CLIP_S, RunningStack


def test_a_title_that_looks_like_a_script_is_text_everywhere(pages: WatchedPages, meeting_page: OpenMeeting) -> None:
    page = meeting_page()
    assert page.locator("h1").inner_text() == TITLE
    assert page.title() == f"{TITLE} – Minutebook"
    library = pages.open()
    expect(library.locator(".meetings").get_by_text(TITLE)).to_be_visible()
    assert library.title() == "Minutebook"


def test_a_sentence_opens_the_words_that_it_rests_on(meeting_page: OpenMeeting) -> None:
    page = meeting_page()
    sentence = page.locator(".minutes .sentence").first
    sentence.click()
    expect(sentence).to_have_attribute("aria-expanded", "true")
    quotes = page.locator(".evidence .quote").all_inner_texts()
    pointed = page.locator(".segment.pointed p").all_inner_texts()
    assert pointed
    assert all(any(text in quote for quote in quotes) for text in pointed)


def test_a_correction_is_stored_and_undone(meeting_page: OpenMeeting, running: RunningStack, finished: str) -> None:
    page = meeting_page()
    first = page.locator(".segment").first
    before = first.locator("p").inner_text()
    first.locator(".edit").click()
    first.get_by_label("Text", exact=True).fill("We begin <b>now</b>.")
    first.get_by_label("Speaker", exact=True).fill("Maya")
    first.get_by_role("button", name="Save").click()
    expect(first.locator("p")).to_contain_text("We begin <b>now</b>.")
    stored = _first_segment(running, finished)
    assert (stored["text"], stored["speaker"], stored["corrected"]) == ("We begin <b>now</b>.", "Maya", True)
    page.get_by_role("button", name="Undo").click()
    expect(first.locator("p")).to_have_text(before)
    stored = _first_segment(running, finished)
    assert (stored["text"], stored["speaker"], stored["corrected"]) == (before, None, False)


def test_a_change_by_somebody_else_is_not_overwritten(
    meeting_page: OpenMeeting, running: RunningStack, finished: str
) -> None:
    page = meeting_page()
    second = page.locator(".segment").nth(1)
    second.locator(".edit").click()
    path = (
        f"{running.stack.api_url}/v1/meetings/{finished}/segments/{str(second.get_attribute('id')).partition('-')[2]}"
    )
    httpx.patch(path, json={"text": "Theirs."}, trust_env=False, timeout=60).raise_for_status()
    second.get_by_label("Text", exact=True).fill("Mine.")
    second.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Somebody else has changed this")).to_be_visible()
    assert second.get_by_label("Text", exact=True).input_value() == "Mine."
    assert httpx.get(path, trust_env=False, timeout=60).json()["text"] == "Theirs."
    httpx.delete(f"{path}/correction", trust_env=False, timeout=60).raise_for_status()


def test_people_agenda_and_template_are_changed_and_the_minutes_follow(
    meeting_page: OpenMeeting, running: RunningStack, finished: str
) -> None:
    page = meeting_page()
    page.get_by_text("People, agenda, template").click()
    page.get_by_label("People, separated by commas").fill("Maya, Tom ")
    page.get_by_label("Template").select_option("stand-up")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".head")).to_contain_text("Maya, Tom")
    answer = httpx.get(f"{running.stack.api_url}/v1/meetings/{finished}", trust_env=False, timeout=60).json()
    assert (answer["participants"], answer["template"]) == (["Maya", "Tom"], "stand-up")


def test_versions_can_be_made_and_named(meeting_page: OpenMeeting) -> None:
    page = meeting_page()
    page.get_by_text("Versions", exact=True).click()
    expect(page.locator(".versions li")).to_contain_text("Version 1")
    page.get_by_role("button", name="Write the minutes again").click()
    expect(page.get_by_role("status").get_by_text("The minutes are being rewritten.").first).to_be_visible()
    expect(page.locator(".minutes").get_by_text("The minutes are being rewritten.")).to_have_count(0)


def test_every_export_is_a_file(meeting_page: OpenMeeting) -> None:
    page = meeting_page()
    for name in ("MD", "DOCX", "TXT", "SRT", "VTT", "JSON"):
        if not page.get_by_role("link", name=name, exact=True).is_visible():
            page.get_by_text("Download").click()
        with page.expect_download() as download:
            page.get_by_role("link", name=name, exact=True).click()
        assert download.value.suggested_filename.endswith(f".{name.lower()}")
        assert download.value.path().stat().st_size > 100


def test_a_live_meeting_can_be_heard_when_it_is_over(meeting_page: OpenMeeting) -> None:
    page = meeting_page()
    assert float(str(page.get_by_role("slider", name="Position").get_attribute("max"))) == pytest.approx(
        CLIP_S, abs=0.1
    )
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.locator(".segment.heard .spoken")).to_have_count(1)


def test_a_meeting_that_is_not_there_says_so(pages: WatchedPages) -> None:
    page = pages.open("meetings/nothing")
    expect(page.get_by_role("alert")).to_have_text("There is no such meeting, or your key may not see it.")


def _first_segment(running: RunningStack, meeting: str) -> dict[str, object]:
    answer = httpx.get(f"{running.stack.api_url}/v1/meetings/{meeting}/transcript", trust_env=False, timeout=60)
    found: dict[str, object] = answer.json()["segments"][0]
    return found
