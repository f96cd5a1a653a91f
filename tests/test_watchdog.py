"""A hanging test is reported while it hangs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from tests.waiting import WaitProgress
from tests.watchdog import Watchdog

ROOT = Path(__file__).parents[1]
HANGING_TEST = """
import os, signal
from redis import Redis
from deploy.supervisor import Stack
from schema.mailbox import Mailbox
from tests.waiting import wait_until

def test_all_messages_are_taken(tmp_path):
    with Stack(tmp_path, processes=["redis", "migrate", "ingest"]) as stack, Redis.from_url(stack.redis_url) as redis:
        for pid in stack.pids("ingest"):
            os.kill(pid, signal.SIGSTOP)
        mailbox = Mailbox(redis)
        mailbox.open("track-7", committed_sample=0, epoch=0, backlog_limit_samples=160_000)
        mailbox.append("track-7", 0, bytes(32_000))
        redis.lpush("ingest", *["a message"] * 5)
        wait_until("the queue is empty", lambda: redis.llen("ingest"), lambda length: length == 0)
"""


@contextmanager
def hanging_run(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """pytest on HANGING_TEST, killed at the end of the block; the stack ends with it."""
    path = folder / "test_hanging.py"
    path.write_text(HANGING_TEST)
    settings = ["-p", "tests.watchdog", "-p", "no:cacheprovider", "-o", "watchdog_silence_s=3", "-c", "/dev/null"]
    folders = ["--rootdir", str(folder), "--basetemp", str(folder / "base")]
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *settings, *folders, *options, str(path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def reports(stderr: IO[str]) -> Iterator[list[str]]:
    """The lines of each report; it ends with a line of dashes."""
    lines: list[str] = []
    for line in stderr:
        lines.append(line)
        if line == "-" * 120 + "\n":
            yield lines
            lines = []


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["one process", "parallel"])
def test_a_hanging_test_is_reported_with_its_stopped_worker(tmp_path: Path, options: tuple[str, ...]) -> None:
    with hanging_run(tmp_path, *options) as process:
        assert process.stderr is not None
        # Earlier reports are about the start of the stack.
        lines = next(each for each in reports(process.stderr) if "until the queue is empty" in "".join(each))
        assert process.poll() is None
    report = "".join(lines)
    (worker,) = (line for line in lines if line.startswith("  ingest: pid"))
    assert worker.count("stopped") == 2
    assert "test_hanging.py::test_all_messages_are_taken has made no progress for " in report
    assert "until the queue is empty; last seen, unchanged for " in report
    assert "  redis: pid " in report
    # The server may have handed one message to the connection of the worker, which was waiting for it when it stopped.
    assert re.search("queues: transcribe 0, summarize 0, ingest [45];", report)
    assert "mailbox track-7: received 1 s, committed 0 s, epoch " in report
    assert f"the last lines of {tmp_path / 'base'}" in report
    assert "started, pid " in report
    assert " in test_all_messages_are_taken\n" in report


def test_a_report_is_due_after_the_silence_and_again_each_time_it_has_doubled(tmp_path: Path) -> None:
    progress = WaitProgress(changed_s=1000)
    watchdog = Watchdog(tmp_path, output=2, silence_s=60, progress=progress)
    assert [now_s for now_s in range(1000, 1400, 10) if watchdog.is_due(now_s)] == [1060, 1120, 1240]
    progress.changed_s = 2000
    assert not watchdog.is_due(2050)
    assert watchdog.is_due(2060)


def test_a_test_that_neither_waits_nor_runs_a_stack_is_not_reported(tmp_path: Path) -> None:
    assert Watchdog(tmp_path, output=2, progress=WaitProgress()).message() == ""
