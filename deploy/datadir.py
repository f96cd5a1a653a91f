"""The data folder of a stack: only one running stack may hold it. Also ends processes that a killed stack left
behind.
"""

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
    """The folder of one stack, locked until `release`. Raises Conflict if another stack holds it, Unavailable if it is
    not writable.

    `run/stack.json` records the addresses and processes of the running stack.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        try:
            self.log = self._made("log")
            self._facts = self._made("run") / "stack.json"
            self._lock = (self._facts.parent / "stack.lock").open("a")
        except OSError as error:
            remedy = "make it writable, or set MINUTEBOOK_DATA_DIR to another folder"
            raise Unavailable(f"the data folder {self.path} is not writable ({error.strerror}); {remedy}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.close()
            raise Conflict(_held_by_another(self.path, self.facts())) from None

    def facts(self) -> dict[str, Any]:
        """The facts that `write_facts` wrote last; empty if they cannot be read."""
        try:
            facts = json.loads(self._facts.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return facts if isinstance(facts, dict) else {}

    def write_facts(self, facts: dict[str, Any]) -> None:
        draft = self._facts.with_suffix(".draft")
        # Readable by its owner only, since the address of a Redis may contain a password.
        draft.unlink(missing_ok=True)
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(facts, indent=1) + "\n")
        draft.replace(self._facts)

    def end_leftovers(self) -> list[str]:
        """Kill processes that an earlier stack in this folder left running, and return their names. There are none
        unless the stack and its leashes were both killed.
        """
        ended = []
        for name, marked in self.facts().get("processes", {}).items():
            if marked is not None and _is_alive(marked):
                os.killpg(marked["pid"], signal.SIGKILL)
                psutil.wait_procs(
                    [psutil.Process(marked["pid"])] if psutil.pid_exists(marked["pid"]) else [], timeout=10
                )
                ended.append(f"{name} (pid {marked['pid']})")
        return ended

    def release(self) -> None:
        """Delete the facts and unlock the folder. May be called twice."""
        if not self._lock.closed:
            self._facts.unlink(missing_ok=True)
            self._lock.close()

    def _made(self, name: str) -> Path:
        folder = self.path / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


def process_mark(pid: int) -> dict[str, float] | None:
    """Identifies process *pid* even if its id is reused later; None if the process is gone."""
    try:
        return {"pid": pid, "created_s": psutil.Process(pid).create_time()}
    except psutil.NoSuchProcess:
        return None


def _is_alive(marked: dict[str, float]) -> bool:
    return process_mark(int(marked["pid"])) == marked


def _held_by_another(path: Path, facts: dict[str, Any]) -> str:
    who = f" (pid {facts['pid']}, {facts['api_url']})" if "pid" in facts else ""
    return (
        f"a Minutebook{who} is already using {path}; stop it (Ctrl-C in its terminal), "
        "or set MINUTEBOOK_DATA_DIR to another folder"
    )
