"""A pytest plugin that reports a test which has made no progress for a minute while it waits or a stack runs.

The report goes to the terminal at once, past pytest's capture, also from the processes of a parallel run. The test does
not fail: on a busy machine it may just be slow.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stack_report import describe, stack_folders
from tests.waiting import PROGRESS, WaitProgress

SILENCE_S = 50.0
"""Less than a minute, since a report may wait for servers that do not answer."""
POLL_S = 1.0
STANDARD_LIBRARY = sysconfig.get_path("stdlib")
STDERR = pytest.StashKey[int]()


class Watchdog:
    """Observes the waits of this process and the stacks below *folder*, and writes to the file descriptor *output*.

    It writes after *silence_s* without progress, and again each time that span has doubled.
    """

    def __init__(
        self, folder: Path, output: int, silence_s: float = SILENCE_S, progress: WaitProgress = PROGRESS
    ) -> None:
        self._progress = progress
        self._folder = folder
        self._output = output
        self._silence_s = silence_s
        self._due_s = silence_s
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()

    def is_due(self, now_s: float) -> bool:
        """Whether a report is due at *now_s* of the monotonic clock."""
        silent_s = now_s - self._progress.changed_s
        if silent_s < self._silence_s:
            self._due_s = self._silence_s
        if silent_s < self._due_s:
            return False
        self._due_s *= 2
        return True

    def message(self) -> str:
        """Describes the waits, the stacks and the threads. Empty when nothing is waited for and no stack runs."""
        known = [*map(str, tuple(self._progress.waits)), *map(describe, stack_folders(self._folder))]
        if not known:
            return ""
        silent_s = time.monotonic() - self._progress.changed_s
        title = f"{self._progress.test} has made no progress for {silent_s:.0f} s"
        return "\n".join(["", f" {title} ".center(120, "-"), *known, *_traces(), "-" * 120, ""])

    def _watch(self) -> None:
        while not self._ending.wait(min(POLL_S, self._silence_s / 4)):
            if self.is_due(time.monotonic()):
                text = self.message().encode()
                while text:
                    text = text[os.write(self._output, text) :]


def _traces() -> Iterator[str]:
    """The frames of each thread that lie in this project, and its innermost frame wherever it lies."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():
        if ident != threading.get_ident():
            yield f"thread {names.get(ident, ident)}, innermost frame last:"
            *outer, innermost = traceback.extract_stack(frame)
            for each in (*filter(_is_ours, outer), innermost):
                yield f"  {each.filename}:{each.lineno} in {each.name}"


def _is_ours(frame: traceback.FrameSummary) -> bool:
    return "site-packages" not in frame.filename and not frame.filename.startswith((STANDARD_LIBRARY, "<frozen"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("watchdog_silence_s", "seconds without progress after which a test is reported", "string")


def pytest_configure(config: pytest.Config) -> None:
    # pytest does not capture yet, so this is the terminal.
    config.stash[STDERR] = os.dup(2)


def pytest_runtest_logstart(nodeid: str) -> None:
    PROGRESS.begin(nodeid)


def pytest_unconfigure(config: pytest.Config) -> None:
    os.close(config.stash[STDERR])


@pytest.fixture(scope="session", autouse=True)
def watchdog(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watchdog]:
    silence_s = float(request.config.getini("watchdog_silence_s") or SILENCE_S)
    running = Watchdog(tmp_path_factory.getbasetemp(), request.config.stash[STDERR], silence_s)
    running.start()
    yield running
    running.stop()
