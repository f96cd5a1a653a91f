"""A meeting is heard in Chromium: its words, its time line, and its keys. No worker runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.api.conftest import Api
from tests.api.web.conftest import WatchedPages
from tests.api.web.written import END_S, QUIET_S, written_meeting

MIDDLE_OF_WORD = """
(said, word) => {
  const walker = document.createTreeWalker(said, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const at = walker.currentNode.data.indexOf(word);
    if (at < 0) continue;
    const range = document.createRange();
    range.setStart(walker.currentNode, at);
    range.setEnd(walker.currentNode, at + word.length);
    const box = range.getBoundingClientRect();
    return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  }
}
"""


@pytest.fixture
def written(chromium: Browser, start: Callable[..., Api]) -> Iterator[WatchedPages]:
    """Pages of an API whose only meeting is written."""
    api = start()
    written_meeting(api)
    pages = WatchedPages(chromium, api.url)
    yield pages
    pages.close()
    assert "\n".join(pages.faults) == ""


def open_meeting(pages: WatchedPages) -> Page:
    page = pages.open()
    page.locator(".meetings").get_by_role("link").click()
    expect(page.locator(".segment").first).to_be_visible()
    return page


def test_the_meeting_is_heard_and_a_clicked_word_is_the_one_that_plays(written: WatchedPages) -> None:
    page = open_meeting(written)
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.locator(".segment.heard .spoken")).to_have_count(1)
    page.get_by_role("button", name="Pause").click()
    segment = page.locator(".segment").filter(has_text="three points")
    spot = segment.locator(".said").evaluate(MIDDLE_OF_WORD, "points")
    page.mouse.click(spot["x"], spot["y"])
    expect(segment.locator(".spoken")).to_contain_text("points")
    page.get_by_role("button", name="Pause").click()


def test_keys_play_and_move_and_a_time_is_a_button(written: WatchedPages) -> None:
    page = open_meeting(written)
    position = page.get_by_role("slider", name="Position")
    expect(position).to_be_visible()
    assert float(str(position.get_attribute("max"))) == pytest.approx(END_S)
    page.get_by_role("heading", level=1).click()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(position).to_have_value("10")
    page.keyboard.press("ArrowLeft")
    expect(position).to_have_value("5")
    page.keyboard.press(" ")
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    page.keyboard.press(" ")
    last = page.locator(".segment").last
    last.get_by_role("button", name="Play from").focus()
    page.keyboard.press("Enter")
    expect(last.locator(".spoken")).to_have_count(1)
    assert page.locator(".bands span").count() > 1


def test_the_page_says_before_a_meeting_how_long_its_audio_is_kept(written: WatchedPages) -> None:
    page = written.open("start")
    expect(page.get_by_text("The audio is kept for 30 days after the meeting.")).to_be_visible()


def test_silence_is_skipped_and_speed_is_remembered(written: WatchedPages) -> None:
    page = open_meeting(written)
    page.get_by_label("Skip silence").check()
    page.get_by_label("Speed").select_option("2")
    page.get_by_role("slider", name="Position").fill(str(QUIET_S[0] + 0.5))
    page.get_by_role("button", name="Play", exact=True).click()
    expect(page.locator(".segment.heard")).to_contain_text("Where do we stand")
    page.reload()
    expect(page.get_by_label("Skip silence")).to_be_checked()
    expect(page.get_by_label("Speed")).to_have_value("2")
