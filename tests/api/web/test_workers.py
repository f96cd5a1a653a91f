"""The workers at a glance: what they do, drained, paused, killed and started again; failed tasks."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, Page, expect

from api.auth.keys import create_key
from schema.core import queues
from schema.core.states import Scope
from schema.fleet.registry import publish_worker
from schema.meetings.tables import Failure
from tests.api.conftest import Api
from tests.api.fleet.records import worker_record
from tests.api.web.conftest import WatchedPages
from tests.running_stack import RunningStack

INGEST, TRANSCRIBE = (f"{queue}@{socket.gethostname()}" for queue in ("ingest", "transcribe"))
SCRIPT = "<script>document.title='x'</script>"


@pytest.fixture
def page(pages: WatchedPages) -> Page:
    page = pages.open()
    page.get_by_role("link", name="Workers").click()
    expect(page.get_by_role("heading", level=1, name="Workers")).to_be_visible()
    return page


def test_every_worker_shows_its_state_its_model_and_its_memory(page: Page) -> None:
    transcribe = page.get_by_role("article", name=TRANSCRIBE)
    expect(transcribe.locator(".state")).to_have_text("Running")
    expect(transcribe).to_contain_text("package:tiny.en")
    expect(transcribe).to_contain_text("cores")
    expect(page.get_by_role("article")).to_have_count(3)


def test_a_worker_is_drained_and_resumed_by_keyboard(page: Page) -> None:
    ingest = page.get_by_role("article", name=INGEST)
    page.get_by_role("button", name=f"Drain: {INGEST}").press("Enter")
    expect(ingest.locator(".state")).to_have_text("Drained")
    expect(ingest).to_contain_text("nothing")
    page.get_by_role("button", name=f"Resume: {INGEST}").press("Enter")
    expect(ingest.locator(".state")).to_have_text("Running")


def test_a_paused_queue_is_marked_until_it_is_resumed(page: Page) -> None:
    row = page.locator(".queues li").filter(has_text="ingest")
    expect(row).to_contain_text("1 worker")
    page.get_by_role("button", name="Pause: ingest").click()
    expect(row).to_contain_text("Paused")
    page.get_by_role("button", name="Resume: ingest").click()
    expect(row).not_to_contain_text("Paused")


def test_a_worker_that_is_killed_is_seen_to_go_and_to_come_back(page: Page, running: RunningStack) -> None:
    ingest = page.get_by_role("article", name=INGEST)
    expect(ingest.locator(".state")).to_have_text("Running")
    pid = running.stack.pid("ingest")
    os.kill(pid, signal.SIGSTOP)  # so that the supervisor does not start it again at once
    expect(ingest.locator(".state")).to_contain_text("Lost, last seen")
    os.kill(pid, signal.SIGKILL)
    expect(ingest.locator(".state")).to_have_text("Running")
    assert running.stack.pid("ingest") != pid


def test_a_restart_is_followed_to_its_end(page: Page, running: RunningStack) -> None:
    ingest = page.get_by_role("article", name=INGEST)
    pid = running.stack.pid("ingest")
    page.get_by_role("button", name=f"Restart: {INGEST}").click()
    expect(ingest.locator(".state")).to_have_text("Restarting")
    expect(ingest.locator(".state")).to_have_text("Running")
    assert running.stack.pid("ingest") != pid


def test_a_live_meeting_shows_how_far_it_is_behind_and_opens(page: Page, running: RunningStack) -> None:
    meeting = running.create(title=SCRIPT, main=running.clip)
    row = page.locator(".delays li").filter(has_text=SCRIPT)
    expect(row).to_contain_text("s behind")
    running.start_streaming(meeting, speed=10.0)
    running.wait_until_streamed(meeting)
    expect(row).to_have_count(0)


def test_a_failed_task_is_replayed(chromium: Browser, api: Api) -> None:
    publish_worker(api.redis, worker_record("summarize@here"))
    with api.database.write() as session:
        session.add(Failure(task=queues.SUMMARIZE, arguments=["m"], reason="broken-model", detail=f"no {SCRIPT}"))
    pages = WatchedPages(chromium, api.url)
    page = pages.open("workers")
    expect(page.get_by_role("heading", name="1 failed task")).to_be_visible()
    expect(page.locator(".failures")).to_contain_text(f"no {SCRIPT}")
    page.get_by_role("button", name="Replay: summarize 1").click()
    expect(page.get_by_role("status").filter(has_text="It is tried again.")).to_be_visible()
    expect(page.get_by_text("No task has failed for good.")).to_be_visible()
    assert api.redis.llen(queues.SUMMARIZE_QUEUE) == 1
    pages.close()
    assert "\n".join(pages.faults) == ""


def test_only_a_key_with_the_scope_admin_sees_the_view(chromium: Browser, start: Callable[..., Api]) -> None:
    api = start(auth="on")
    pages = WatchedPages(chromium, api.url)
    for scopes, links in (([Scope.READ, Scope.WRITE], 0), ([Scope.ADMIN], 1)):
        page = pages.open()
        page.get_by_label("API key").fill(create_key(api.database, "browser", scopes).key)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_text("No meetings yet.")).to_be_visible()
        expect(page.get_by_role("link", name="Workers")).to_have_count(links)
        page.goto(f"{api.url}/#/workers")
        shown = page.get_by_text("Your key may not do this.") if not links else page.get_by_text("No worker says")
        expect(shown).to_be_visible()
    pages.close()
    assert "\n".join(pages.faults) == ""


def test_the_view_is_in_german_too(pages: WatchedPages) -> None:
    page = pages.open("workers", locale="de-DE")
    expect(page.get_by_role("article", name=INGEST).locator(".state")).to_have_text("Läuft")
    expect(page.get_by_role("heading", name="Warteschlangen")).to_be_visible()
    expect(page.get_by_role("button", name="Anhalten: ingest")).to_be_visible()
