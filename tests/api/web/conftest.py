"""A running stack with a finished meeting, and Chromium, whose microphone plays the sample meeting."""

from __future__ import annotations

import wave
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, expect, sync_playwright

from schema.core.units import BYTES_PER_SAMPLE, SAMPLE_RATE_HZ
from tests.api.web.cut_network import CutNetwork
from tests.api.web.node import SOURCES, install_packages, require
from tests.running_stack import ALL_BUT_FLOWER, CLIP_S, RunningStack, running_stack, sample_meeting
from tests.waiting import PATIENCE_S

TITLE = "<script>document.title='x'</script> & Co"
"""The title of the finished meeting. It has to stay text."""
ARGUMENTS = ("--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream")
NETWORK = ("Failed to load resource", "WebSocket connection", "net::ERR_")
"""Words of Chromium's reports about answers with an error and about a network that is away. The page handles both."""
VIEWPORT = {"width": 1200, "height": 800}
expect.set_options(timeout=1000 * PATIENCE_S)


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    environment = {"MINUTEBOOK_ASR_PROCESSES": "1"}
    with running_stack(tmp_path_factory.mktemp("page"), (*ALL_BUT_FLOWER, "ingest"), environment) as running:
        yield running


@pytest.fixture(scope="package")
def finished(running: RunningStack) -> str:
    """The id of a meeting that is over: the first turns of the sample meeting."""
    meeting = running.stream(running.clip, lambda _: None, speed=10.0, title=TITLE)
    return meeting.meeting_id


@pytest.fixture(scope="package")
def network(running: RunningStack) -> Iterator[CutNetwork]:
    """A way to the API that can be cut."""
    with CutNetwork(running.stack.api_url) as network:
        yield network


@pytest.fixture(scope="package")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the microphone hears: the clip, and then silence."""
    path = tmp_path_factory.mktemp("sound") / "clip.wav"
    pcm = sample_meeting(CLIP_S) + bytes(20 * SAMPLE_RATE_HZ * BYTES_PER_SAMPLE)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, BYTES_PER_SAMPLE, SAMPLE_RATE_HZ, 0, "NONE", ""))
        file.writeframes(pcm)
    return path


@pytest.fixture(scope="package")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="package")
def chromium(playwright: Playwright, recording: Path) -> Iterator[Browser]:
    browser = playwright.chromium.launch(
        executable_path=require("chromium"),
        args=[*ARGUMENTS, f"--use-file-for-fake-audio-capture={recording}%noloop"],
    )
    yield browser
    browser.close()


class WatchedPages:
    """Opens pages, and keeps what their consoles report."""

    def __init__(self, chromium: Browser, url: str) -> None:
        self.url = url
        self.faults: list[str] = []
        self._chromium = chromium
        self._stack = ExitStack()

    def context(self, **options: object) -> BrowserContext:
        made = self._chromium.new_context(
            **{"viewport": VIEWPORT, "locale": "en-GB", "permissions": ["microphone"], **options}  # type: ignore[arg-type]
        )
        self._stack.callback(made.close)
        return made

    def open(self, path: str = "", context: BrowserContext | None = None, url: str = "", **options: object) -> Page:
        """Open `#path` in a new tab."""
        page = (context or self.context(**options)).new_page()
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("console", lambda message: self._keep(message.type, message.text))
        page.goto(f"{url or self.url}/#/{path}")
        return page

    def _keep(self, kind: str, text: str) -> None:
        if kind == "error" and not any(words in text for words in NETWORK):
            self.faults.append(text)

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def pages(chromium: Browser, running: RunningStack) -> Iterator[WatchedPages]:
    """Fails the test at its end if a page has raised an error or has broken its own policy."""
    pages = WatchedPages(chromium, running.stack.api_url)
    yield pages
    pages.close()
    assert "\n".join(pages.faults) == ""


@pytest.fixture(scope="package")
def axe() -> str:
    """The source of axe-core."""
    install_packages()
    return (SOURCES / "node_modules/axe-core/axe.min.js").read_text()


OpenMeeting = Callable[..., Page]


@pytest.fixture
def meeting_page(pages: WatchedPages, finished: str) -> OpenMeeting:
    """Opens the finished meeting."""

    def open_meeting(**options: object) -> Page:
        page = pages.open(f"meetings/{finished}", **options)  # type: ignore[arg-type]
        expect(page.locator(".segment").first).to_be_visible()
        return page

    return open_meeting
