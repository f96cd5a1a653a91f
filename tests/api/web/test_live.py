"""Somebody speaks into a browser, and nothing is missing: the network, the API, the tab and the microphone go away."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

import httpx
from playwright.sync_api import Error, Page, expect

from tests.api.web.conftest import WatchedPages
from tests.api.web.cut_network import CutNetwork
from tests.running_stack import CLIP_S, RunningStack, reference_text
from tests.waiting import wait_until
from workers.asr.error_rates import word_error_rate

WER_LIMIT = 0.12
"""Chromium plays and converts the clip, and windows are cut elsewhere than in a file."""
CUT_MS = 12_000
WATCH_MICROPHONE = """
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  if (window.isUnplugged) throw new DOMException("", "NotFoundError");
  return (window.heard = await open(wanted));
};
"""
UNPLUG = """
window.isUnplugged = true;
for (const track of window.heard.getTracks()) {
  track.stop();
  track.dispatchEvent(new Event("ended"));
}
"""


def start_meeting(page: Page) -> str:
    """Start a meeting with the default microphone, and return its id."""
    page.get_by_role("link", name="Start a meeting").click()
    expect(page.get_by_text("Sound is heard.")).to_be_visible()
    page.get_by_label("Title").fill("Launch")
    page.get_by_role("button", name="Start", exact=True).click()
    expect(page.locator(".status.connected")).to_be_visible()
    return page.url.rpartition("/")[2]


def end_meeting(page: Page) -> None:
    page.get_by_role("button", name="End the meeting").click()
    page.get_by_role("button", name="Yes").click()
    expect(page.locator("article[data-state=finished]")).to_be_visible()


def shown_text(page: Page) -> str:
    return " ".join(page.locator(".segment p").all_inner_texts())


def coverage(running: RunningStack, meeting: str) -> dict[str, Any]:
    answer = httpx.get(f"{running.stack.api_url}/v1/meetings/{meeting}", trust_env=False, timeout=60)
    found: dict[str, Any] = answer.json()["coverage"]
    return found


def test_every_word_is_on_the_page_although_network_and_api_go_away(
    pages: WatchedPages, running: RunningStack, network: CutNetwork
) -> None:
    page = pages.open(url=network.url)
    meeting = start_meeting(page)
    expect(page.locator(".segment").first).to_be_visible()
    network.cut()
    running.stack.kill("api")
    expect(page.locator(".status.connecting")).to_be_visible()
    expect(page.get_by_text("No connection; trying again")).to_be_visible()
    page.wait_for_timeout(CUT_MS)
    assert float(page.locator(".status").get_attribute("data-unsent") or 0) > CUT_MS / 1000 - 3
    network.mend()
    expect(page.locator(".status.connected")).to_be_visible()
    wait_until(
        "the whole clip was played",
        lambda: coverage(running, meeting),
        lambda seen: seen["received_s"] > CLIP_S + 1,
        poll_s=0.5,
    )
    end_meeting(page)
    assert word_error_rate([(reference_text(CLIP_S), shown_text(page))]) <= WER_LIMIT
    assert coverage(running, meeting)["missing_s"] == 0
    expect(page.locator(".minutes .sentence").first).to_be_visible()


def test_what_a_crashed_tab_has_not_sent_is_sent_by_the_next_one_and_the_time_between_is_missing(
    pages: WatchedPages, running: RunningStack, network: CutNetwork
) -> None:
    context = pages.context()
    page = pages.open(url=network.url, context=context)
    meeting = start_meeting(page)
    page.wait_for_timeout(3_000)
    network.cut()
    page.wait_for_timeout(5_000)
    assert float(page.locator(".status").get_attribute("data-unsent") or 0) > 3
    crash(page)
    network.mend()
    page = pages.open(f"meetings/{meeting}", url=network.url, context=context)
    expect(page.locator(".status.connected")).to_be_visible()
    expect(page.get_by_text("Recording from")).to_be_visible()  # the microphone goes on by itself
    page.wait_for_timeout(2_000)
    end_meeting(page)
    said = set(re.findall(r"[a-z]+", reference_text(9.0).lower()))
    heard = set(re.findall(r"[a-z]+", shown_text(page).lower()))
    assert len(said & heard) > 0.7 * len(said), shown_text(page)
    found = coverage(running, meeting)
    assert 0.3 < found["missing_s"] < 30
    assert found["received_s"] - found["missing_s"] > 9


def crash(page: Page) -> None:
    with suppress(Error):
        page.goto("chrome://crash", timeout=5_000)
    page.close()


def test_an_unplugged_microphone_is_told_at_once_and_another_one_is_taken(
    pages: WatchedPages, running: RunningStack
) -> None:
    context = pages.context()
    context.add_init_script(WATCH_MICROPHONE)
    page = pages.open(context=context)
    meeting = start_meeting(page)
    page.wait_for_timeout(2_000)
    page.evaluate(UNPLUG)
    expect(page.get_by_role("alert").get_by_text("The microphone is gone.")).to_be_visible()
    page.wait_for_timeout(1_500)
    page.evaluate("window.isUnplugged = false")
    expect(page.get_by_text("Recording from")).to_be_visible()
    page.wait_for_timeout(2_000)
    end_meeting(page)
    assert 1 < coverage(running, meeting)["missing_s"] < 20


def test_a_browser_without_permission_says_how_to_give_it(pages: WatchedPages) -> None:
    context = pages.context()
    context.add_init_script(
        "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotAllowedError'); };"
    )
    page = pages.open("start", context=context)
    expect(page.get_by_text("Allow it in the address bar")).to_be_visible()


def test_notes_stand_at_their_moment_and_a_second_tab_shows_the_meeting_without_recording_it(
    pages: WatchedPages,
) -> None:
    context = pages.context()
    page = pages.open(context=context)
    meeting = start_meeting(page)
    page.get_by_label("Type a note").fill("Ask <i>finance</i>")
    page.get_by_label("Type a note").press("Enter")
    expect(page.locator(".note")).to_contain_text("Ask <i>finance</i>")
    page.get_by_role("button", name="Mark this moment").click()
    expect(page.locator(".note").nth(1)).to_contain_text("marked")
    page.get_by_role("button", name="Undo").last.click()
    expect(page.locator(".note")).to_have_count(1)
    second = pages.open(f"meetings/{meeting}", context=context)
    expect(second.locator(".segment").first).to_be_visible()
    expect(second.locator(".controls")).to_have_count(0)
    expect(second.locator(".note")).to_have_count(1)
    captions = pages.open(f"captions/{meeting}", context=context)
    expect(captions.get_by_role("log").locator("p").first).to_be_visible()
    end_meeting(page)
    expect(second.locator("article[data-state=finished]")).to_be_visible()
