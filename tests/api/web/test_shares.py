"""A share link in Chromium: made, copied, opened by somebody without a key, and ended. No worker runs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from api.auth.keys import create_key
from schema.core.states import Scope
from tests.api.conftest import Api
from tests.api.web.conftest import VIEWPORT, WatchedPages
from tests.api.web.node import SOURCES, install_packages
from tests.api.web.test_everybody import PHONE, serious
from tests.api.web.written import MINUTES, written_meeting


def test_a_link_is_made_copied_opened_without_a_key_and_ended(chromium: Browser, start: Callable[..., Api]) -> None:
    api = start(auth="on")
    key = create_key(api.database, "owner", [Scope.READ, Scope.WRITE]).key
    meeting_id = written_meeting(api, headers={"Authorization": f"Bearer {key}"})
    pages = WatchedPages(chromium, api.url)
    owner = pages.open(f"meetings/{meeting_id}", permissions=["clipboard-read", "clipboard-write"])
    owner.get_by_label("API key").fill(key)
    owner.get_by_role("button", name="Sign in").click()
    owner.locator(".share > summary").click()
    owner.get_by_label("The link shows").select_option("audio")
    owner.get_by_role("button", name="Make a link").click()
    link = owner.get_by_label("Link", exact=True).input_value()
    assert link.startswith(f"{api.url}/s/")
    owner.get_by_role("button", name="Copy").click()
    expect(owner.get_by_text("The link is copied.")).to_be_visible()
    assert owner.evaluate("navigator.clipboard.readText()") == link

    guest = pages.open("shared/nothing")
    expect(guest.get_by_role("alert")).to_contain_text("There is no such link.")
    guest.goto(link)
    expect(guest.locator(".minutes")).to_contain_text(MINUTES)
    expect(guest.locator(".transcript")).to_contain_text("three points")
    guest.get_by_role("button", name="Play", exact=True).click()
    expect(guest.locator(".segment.heard .spoken")).to_have_count(1)
    assert guest.locator(".edit, .danger, input[type=file]").count() == 0

    owner.get_by_role("button", name="End", exact=True).click()
    expect(owner.get_by_text("The link has ended.")).to_be_visible()
    guest.reload()
    expect(guest.get_by_role("alert")).to_contain_text("This link has ended.")
    pages.close()
    assert "\n".join(pages.faults) == ""


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("viewport", [VIEWPORT, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_serious_in_the_menu_and_in_what_a_link_shows(
    chromium: Browser, start: Callable[..., Api], look: str, viewport: dict[str, int]
) -> None:
    install_packages()
    axe = (SOURCES / "node_modules/axe-core/axe.min.js").read_text()
    api = start()
    meeting_id = written_meeting(api)
    made = api.http.post(f"/v1/meetings/{meeting_id}/shares", json={"scope": "audio"}).json()
    pages = WatchedPages(chromium, api.url)
    page = pages.open(f"meetings/{meeting_id}", color_scheme=look, viewport=viewport)
    page.locator(".share > summary").click()
    expect(page.locator(".shares li")).to_have_count(1)
    faults = serious(page, axe)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.goto(f"{api.url}/{made['path']}")
    expect(page.get_by_role("slider", name="Position")).to_be_visible()
    faults += serious(page, axe)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    pages.close()
    assert faults == []
