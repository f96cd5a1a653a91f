"""Every view, in light and dark, in both languages, on a phone, by keyboard, and checked by axe."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.api.web.conftest import OpenMeeting, WatchedPages

PHONE = {"width": 360, "height": 740}


def serious(page: Page, axe: str) -> list[str]:
    """What axe finds that keeps people from using the page. It is run past the page's policy, not allowed by it."""
    page.evaluate(axe)
    found = page.evaluate("axe.run()")
    return [
        f"{each['id']}: {node['html'][:160]}"
        for each in found["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("viewport", [None, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_serious_on_any_view(
    pages: WatchedPages, finished: str, axe: str, look: str, viewport: dict[str, int] | None
) -> None:
    options = {"color_scheme": look, **({"viewport": viewport} if viewport else {})}
    page = pages.open(**options)  # type: ignore[arg-type]
    faults: list[str] = []
    views = (
        "",
        "start",
        "workers",
        f"meetings/{finished}",
        f"captions/{finished}",
        "meetings/nothing",
    )
    for path in views:
        page.goto(f"{pages.url}/#/{path}")
        page.wait_for_timeout(600)
        if path == f"meetings/{finished}":
            expect(page.locator(".segment").first).to_be_visible()
            page.locator(".segment .edit").first.click()
        if path == "workers":
            expect(page.get_by_role("article").first).to_be_visible()
        faults += serious(page, axe)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} is too wide"
    assert faults == []


def test_the_page_speaks_german_where_the_browser_does_and_remembers_another_choice(pages: WatchedPages) -> None:
    context = pages.context(locale="de-DE")
    page = pages.open(context=context)
    expect(page.get_by_role("heading", level=1)).to_have_text("Besprechungen")
    assert page.locator("html").get_attribute("lang") == "de"
    page.get_by_label("Sprache").select_option("en")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("Meetings")


def test_a_chosen_look_wins_over_that_of_the_system(pages: WatchedPages) -> None:
    page = pages.open(color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_label("Look").select_option("dark")
    assert page.evaluate(ground) != light
    page.reload()
    assert page.evaluate(ground) != light


def test_a_meeting_can_be_read_and_corrected_by_keyboard_alone(meeting_page: OpenMeeting) -> None:
    page = meeting_page()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to the content")).to_be_focused()
    page.keyboard.press("Enter")
    edit = page.locator(".segment .edit").first
    edit.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Text", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_label("Text", exact=True)).to_have_count(0)
    sentence = page.locator(".minutes .sentence").first
    sentence.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".evidence").first).to_be_visible()
