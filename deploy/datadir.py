"""The data folder of a stack: only one running stack may hold it. Also ends processes that a killed stack left
behind.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import stat
from pathlib import Path
from typing import Any

import psutil

from schema.core.disk import (
    fault_of,
    kept_password,
    make_private,
    make_private_folder,
    make_tree_private,
    private_opener,
)
from schema.core.errors import Conflict, InvalidInput, Unavailable

FILES = ("minutebook.db*", "celerybeat*")
FOLDERS = ("files", "log", "passwords", "redis", "run")
"""What Minutebook writes about meetings and itself. Models and adapters are left as they are."""
FLOWER_USER = "minutebook"
REMEDY = "set MINUTEBOOK_DATA_DIR to another folder"


class DataDir:
    """The folder of one stack, locked until `release`. Nobody but its owner can read it.

    `run/stack.json` records the addresses and processes of the running stack. Raises Conflict if another stack holds
    the folder, InvalidInput if other users share it, Unavailable if it is not writable.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.expanduser().absolute()
        try:
            self._make_private()
            self.log = self._made("log")
            self._facts = self._made("run") / "stack.json"
            self._lock = open(self._facts.parent / "stack.lock", "a", opener=private_opener)  # noqa: SIM115
        except OSError as error:
            raise Unavailable(f"{fault_of(f'the data folder {self.path}', error)}, or {REMEDY}") from error
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
        draft.unlink(missing_ok=True)
        with open(draft, "w", opener=private_opener) as file:
            file.write(json.dumps(facts, indent=1) + "\n")
        draft.replace(self._facts)

    def redis_password(self) -> str:
        """The password of this folder's own Redis. It stays the same. Raises Unavailable."""
        path = self.path / "passwords" / "redis"
        try:
            return kept_password(path)
        except OSError as error:
            raise Unavailable(f"{fault_of(path, error)}, or {REMEDY}") from error

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

    def _make_private(self) -> None:
        """Take the folder and what earlier versions left in it from other users."""
        if self.path.is_dir() and self.path.stat().st_mode & stat.S_ISVTX:
            raise InvalidInput(
                f"the data folder {self.path} is shared by all users of this machine; set MINUTEBOOK_DATA_DIR to a "
                "folder of its own"
            )
        make_private_folder(self.path)
        make_private(path for pattern in FILES for path in self.path.glob(pattern))
        for name in FOLDERS:
            make_tree_private(self.path / name)

    def _made(self, name: str) -> Path:
        folder = self.path / name
        make_private_folder(folder)
        return folder


def flower_password_file(data_dir: Path) -> Path:
    """Where the password of FLOWER_USER is, unless MINUTEBOOK_FLOWER_PASSWORD is set."""
    return data_dir / "passwords" / "flower"


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
