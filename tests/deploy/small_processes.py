"""Small real processes to supervise, and a check whether they still run."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import psutil

from tests.waiting import wait_until

PYTHON = f"{sys.executable} -c"
WITH_A_CHILD = f"""{PYTHON} 'import subprocess, time; subprocess.Popen(["sleep", "600"]); time.sleep(600)'"""
IGNORES_SIGTERM = f"""{PYTHON} 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)'"""


def print_and_exit(text: str, status: int) -> str:
    """A command that prints *text* and ends with *status*."""
    return f"""{PYTHON} 'import sys; print("{text}"); sys.exit({status})'"""


def procfile(folder: Path, **commands: str) -> Path:
    path = folder / "Procfile"
    path.write_text("".join(f"{name}: {command}\n" for name, command in commands.items()))
    return path


def alive(pids: Iterable[int]) -> list[int]:
    """Those of *pids* that still run."""
    return [pid for pid in pids if _is_alive(pid)]


def wait_until_gone(pids: Iterable[int]) -> None:
    pids = list(pids)
    wait_until("the processes have ended", lambda: alive(pids), lambda running: running == [])


def _is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
