"""The list of meetings: uploads that break and go on, search, deleting, signing in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import numpy as np
import soundfile
from playwright.sync_api import Browser, expect

from api.auth.keys import create_key
from schema.core.states import Scope
from schema.core.units import SAMPLE_RATE_HZ
from tests.api.conftest import Api
from tests.api.web.conftest import WatchedPages
from tests.api.web.cut_network import CutNetwork
from tests.running_stack import CLIP_S, sample_meeting
from tests.waiting import wait_until

DROP = """
([bytes, name]) => {
  const files = new DataTransfer();
  files.items.add(new File([Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0))], name));
  document.querySelector(".drop").dispatchEvent(new DragEvent("drop", { dataTransfer: files, bubbles: true }));
}
"""


def recording(path: Path, minutes: int) -> Path:
    """The clip, followed by faint noise that no codec can make small."""
    samples = np.frombuffer(sample_meeting(CLIP_S), np.int16)
    noise = np.random.default_rng(3).integers(-40, 40, minutes * 60 * SAMPLE_RATE_HZ, np.int16)
    soundfile.write(path, np.concatenate([samples, noise]), SAMPLE_RATE_HZ)
    return path


def test_an_upload_that_breaks_goes_on_and_becomes_a_meeting(
    pages: WatchedPages, network: CutNetwork, tmp_path: Path
) -> None:
    page = pages.open(url=network.url)
    network.slow_to(250_000)
    page.locator("input[type=file]").set_input_files(recording(tmp_path / "planning week.wav", 1))
    row = page.locator(".sent li")
    expect(row.get_by_role("status")).to_contain_text("% sent")
    page.wait_for_timeout(1_500)
    network.cut()
    expect(row).to_have_attribute("data-state", "waiting")
    network.mend()
    network.slow_to(None)
    expect(row).to_have_attribute("data-state", "done")
    meeting = page.locator(".meetings li").filter(has_text="planning week")
    expect(meeting).to_contain_text("Finished")
    meeting.get_by_role("link").click()
    expect(page.locator(".transcript")).to_contain_text("three points")


def test_a_dropped_file_that_is_no_recording_says_why(pages: WatchedPages) -> None:
    page = pages.open()
    page.evaluate(DROP, ["bm8gc291bmQ=", "notes.txt"])
    row = page.locator(".sent li")
    expect(row).to_have_attribute("data-state", "done")
    expect(page.locator(".failed-uploads")).to_contain_text("notes.txt")


def test_a_hit_of_the_search_opens_its_meeting_at_the_word(pages: WatchedPages, finished: str) -> None:
    page = pages.open()
    page.get_by_role("searchbox").fill('"three points"')
    hit = page.locator(f".hits a[href*='{finished}']").first
    expect(hit.locator("mark").first).to_have_text("three points")
    hit.click()
    expect(page.locator(".segment.pointed")).to_contain_text("three points")
    expect(page.locator(".segment.pointed mark")).to_have_text("three points")
    expect(page.locator(".segment.pointed mark")).to_be_in_viewport()


def test_the_list_is_narrowed_down_by_the_server_which_pages_what_is_left(chromium: Browser, api: Api) -> None:
    for number in range(53):
        api.create(title=f"Weekly {number}", recorded_at="2026-03-02T10:00:00")
        api.create(title=f"Other {number}", **({"tracks": [{"name": "a", "speaker": "Priya"}]} if number == 7 else {}))
    pages = WatchedPages(chromium, api.url)
    page = pages.open()
    rows = page.locator(".meetings li")
    expect(rows).to_have_count(50)
    page.get_by_label("Title or person").fill("WEEKLY")
    expect(rows.first).to_contain_text("Weekly 52")
    expect(rows).to_have_count(50)
    page.get_by_role("button", name="Show more").click()
    expect(rows).to_have_count(53)
    expect(page.get_by_text("Other")).to_have_count(0)
    page.get_by_label("Title or person").fill("priya")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("Other 7")
    page.get_by_label("State").select_option("Finished")
    expect(page.get_by_text("No meeting fits.")).to_be_visible()
    page.get_by_role("button", name="Show all").click()
    expect(rows).to_have_count(50)
    page.get_by_label("To", exact=True).fill("2026-03-02")
    expect(rows.first).to_contain_text("Weekly 52")
    page.get_by_label("From", exact=True).fill("2026-03-03")  # after the other day, which then counts no more
    expect(rows.first).to_contain_text("Other 52")
    pages.close()
    assert "\n".join(pages.faults) == ""


def test_selected_meetings_are_deleted_unless_somebody_undoes_it_in_time(pages: WatchedPages) -> None:
    answer = httpx.post(f"{pages.url}/v1/meetings", json={"title": "To go"}, trust_env=False, timeout=60)
    path = f"{pages.url}/v1/meetings/{answer.json()['id']}"
    page = pages.open()
    row = page.locator(".meetings li").filter(has_text="To go")
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Delete 1 selected").click()
    expect(row).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(row).to_be_visible()
    assert httpx.get(path, trust_env=False, timeout=60).status_code == 200
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="Delete 1 selected").click()
    expect(row).to_have_count(0)
    page.close(run_before_unload=True)  # leaving the page does not keep the meeting
    wait_until(
        "it is deleted", lambda: httpx.get(path, trust_env=False, timeout=60).status_code, lambda seen: seen == 410
    )


def test_a_server_with_keys_asks_once_and_the_session_survives_a_reload(
    chromium: Browser, start: Callable[..., Api]
) -> None:
    api = start(auth="on")
    key = create_key(api.database, "browser", [Scope.READ, Scope.WRITE])
    pages = WatchedPages(chromium, api.url)
    page = pages.open()
    page.get_by_label("API key").fill("mb_wrong")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("This key is not valid.")
    page.get_by_label("API key").fill(key.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("No meetings yet.")).to_be_visible()
    page.reload()
    expect(page.get_by_text("No meetings yet.")).to_be_visible()
    assert "minutebook_session" not in page.evaluate("document.cookie")
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_visible()
    pages.close()
    assert "\n".join(pages.faults) == ""
