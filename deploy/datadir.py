"""A data folder belongs to one running stack at a time; this is who holds it, and what a dead one left running."""

from __future__ import annotations

import fcntl
import json
import os
import signal
from pathlib import Path
from typing import Any

import psutil

from schema.core.errors import Conflict, Unavailable


class DataDir:
    """The folder of one stack, locked until `release`. Raises Conflict when another stack holds it, Unavailable when it
    cannot be written.

    `run/stack.json` says where the running stack can be reached and which processes it consists of.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        try:
            self.log = self._made("log")
            self._facts = self._made("run") / "stack.json"
            self._lock = (self._facts.parent / "stack.lock").open("a")
        except OSError as error:
            remedy = "make it writable, or set MINUTEBOOK_DATA_DIR to another folder"
            raise Unavailable(f"the data folder {self.path} cannot be written ({error.strerror}); {remedy}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise Conflict(_taken(self.path, self.facts())) from None

    def facts(self) -> dict[str, Any]:
        """What the last `tell` wrote; empty when nothing legible is there."""
        try:
            facts = json.loads(self._facts.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def tell(self, facts: dict[str, Any]) -> None:
        draft = self._facts.with_suffix(".draft")
        # For its owner alone: the address of a Redis may hold a password.
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(facts, indent=1) + "\n")
        draft.replace(self._facts)

    def end_leftovers(self) -> list[str]:
        """Kill what an earlier stack in this folder left running, and name it. Needs both it and its leashes killed."""
        ended = []
        for name, mark in self.facts().get("processes", {}).items():
            if mark is not None and _is_alive(mark):
                os.killpg(mark["pid"], signal.SIGKILL)
                psutil.wait_procs([psutil.Process(mark["pid"])] if psutil.pid_exists(mark["pid"]) else [], timeout=10)
                ended.append(f"{name} (pid {mark['pid']})")
        return ended

    def release(self) -> None:
        """Forget the facts and let the folder go. May be called twice."""
        if not self._lock.closed:
            self._facts.unlink(missing_ok=True)
            self._lock.close()

    def _made(self, name: str) -> Path:
        folder = self.path / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def mark(pid: int) -> dict[str, float] | None:
    """What identifies process *pid* for good, since ids are used again; None when it is gone."""
    try:
        return {"pid": pid, "created_s": psutil.Process(pid).create_time()}
    except psutil.NoSuchProcess:
        return None


def _is_alive(marked: dict[str, float]) -> bool:
    return mark(int(marked["pid"])) == marked


def _taken(path: Path, facts: dict[str, Any]) -> str:
    who = f" (pid {facts['pid']}, {facts['api_url']})" if "pid" in facts else ""
    return (
        f"a Minutebook{who} already runs on {path}; stop that one (Ctrl-C in its terminal), "
        "or set MINUTEBOOK_DATA_DIR to another folder"
    )
