"""The view of adapters in Chromium: versions with figures, and promotion, rollback and retirement. No worker runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, expect

from schema.adapters.lifecycle import Grounds, promote
from schema.adapters.registry import active_version, find_version
from schema.adapters.wire import AdapterLabel
from schema.core.states import AdapterState, AdapterTask
from tests.adapters import version
from tests.api.conftest import Api
from tests.api.web.conftest import WatchedPages
from tests.api.web.test_everybody import PHONE, serious

FIGURES = {
    "metric": "word error rate",
    "candidate": 0.081,
    "serving": 0.092,
    "gain": 0.011,
    "gain_low": 0.002,
    "gain_high": 0.021,
}


@pytest.fixture
def api_with_adapters(start: Callable[..., Api]) -> Api:
    """An API with three versions of `clinic`, the second of which was promoted after a comparison."""
    api = start()
    with api.database.write() as session:
        session.add_all([version("clinic", 1), *(version("clinic", at, AdapterState.DRAFT) for at in (2, 3))])
        session.flush()
        first, second = (find_version(session, AdapterTask.ASR, AdapterLabel("clinic", at)) for at in (1, 2))
        promote(session, second, first.id, Grounds("ann", "<b>better</b>", figures=FIGURES))
    return api


@pytest.fixture
def pages_with_adapters(chromium: Browser, api_with_adapters: Api) -> Iterator[WatchedPages]:
    pages = WatchedPages(chromium, api_with_adapters.url)
    yield pages
    pages.close()
    assert "\n".join(pages.faults) == ""


def active(api: Api) -> str | None:
    with api.database.read() as session:
        found = active_version(session, AdapterTask.ASR, "clinic")
        return found.label if found else None


def test_decisions_are_shown_with_their_figures(pages_with_adapters: WatchedPages) -> None:
    page = pages_with_adapters.open("adapters")
    page.get_by_text("1 decision").click()
    decision = page.locator("details li")
    expect(decision).to_contain_text("ann: promoted clinic@2 (instead of clinic@1). <b>better</b>")
    expect(decision).to_contain_text("word error rate: 0.081, before 0.092; gain 0.011 (0.002 to 0.021)")


def test_a_promotion_needs_a_reason_and_is_rolled_back(
    pages_with_adapters: WatchedPages, api_with_adapters: Api
) -> None:
    page = pages_with_adapters.open("adapters")
    third = page.get_by_role("button", name="Promote clinic@3")
    expect(third).to_be_disabled()
    page.get_by_label("Reason").fill("compared by hand")
    third.click()
    expect(page.locator("[data-state=active] strong")).to_have_text("clinic@3")
    assert active(api_with_adapters) == "clinic@3"
    page.get_by_role("button", name="Roll back").click()
    expect(page.locator("[data-state=active] strong")).to_have_text("clinic@2")
    assert active(api_with_adapters) == "clinic@2"


def test_a_version_that_was_retired_is_used_no_more(pages_with_adapters: WatchedPages, api_with_adapters: Api) -> None:
    page = pages_with_adapters.open("adapters")
    page.get_by_role("button", name="Retire clinic@2").click()
    expect(page.locator("[data-state=active]")).to_have_count(0)
    assert active(api_with_adapters) is None


@pytest.mark.parametrize("viewport", [None, PHONE], ids=["wide", "phone"])
def test_axe_finds_nothing_serious_among_adapters(
    pages_with_adapters: WatchedPages, axe: str, viewport: dict[str, int] | None
) -> None:
    page = pages_with_adapters.open("adapters", **({"viewport": viewport} if viewport else {}))  # type: ignore[arg-type]
    page.get_by_text("1 decision").click()
    assert serious(page, axe) == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_adapters_the_view_says_how_to_get_one(chromium: Browser, start: Callable[..., Api]) -> None:
    pages = WatchedPages(chromium, start().url)
    page = pages.open("adapters")
    expect(page.get_by_text("There is no adapter yet.")).to_be_visible()
    pages.close()
    assert pages.faults == []
