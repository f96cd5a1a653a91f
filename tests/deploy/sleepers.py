"""Small real processes to supervise, and ways to see whether they are still there."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil

PATIENCE_S = 30.0

WITH_A_CHILD = f"""{sys.executable} -c 'import subprocess, time; subprocess.Popen(["sleep", "600"]); time.sleep(600)'"""
DEAF = f"""{sys.executable} -c 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)'"""


def ends(text: str, status: int) -> str:
    """A command that says *text* and ends."""
    return f"""{sys.executable} -c 'import sys; print("{text}"); sys.exit({status})'"""


def procfile(folder: Path, **commands: str) -> Path:
    path = folder / "Procfile"
    path.write_text("".join(f"{name}: {command}\n" for name, command in commands.items()))
    return path


def eventually(what: str, holds: Callable[[], bool]) -> None:
    """Wait for something that must come to hold; fails with its name when it does not."""
    give_up_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < give_up_s, f"not so after {PATIENCE_S:g} s: {what}"
        time.sleep(0.05)


def all_gone(pids: Iterable[int]) -> bool:
    return not any(_is_alive(pid) for pid in pids)


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
