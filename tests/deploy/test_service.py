"""The Procfile is read correctly, and a process on its leash ends with its supervisor."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.service import LEASH, ProcfileEntry, read_procfile
from schema.core.errors import InvalidInput
from tests.deploy.small_processes import alive
from tests.waiting import wait_until


def test_entries_keep_their_order_and_comments_are_skipped(tmp_path: Path) -> None:
    path = tmp_path / "Procfile"
    path.write_text("# first\nweb: serve --port $PORT  \n\nwork-2: run: it\n")
    assert read_procfile(path) == [ProcfileEntry("web", "serve --port $PORT"), ProcfileEntry("work-2", "run: it")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("web serve\n", r"Procfile:1: 'web serve' is not an entry; write `name: command`"),
        ("web:\n", r"Procfile:1: 'web:' is not an entry"),
        ("web: a\nweb: b\n", r"Procfile:2: the name 'web' is used"),
    ],
)
def test_a_malformed_line_is_refused_with_its_number(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "Procfile"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=message):
        read_procfile(path)


GRACE_S = "5"


def _leash(lead: socket.socket, command: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-I", "-S", str(LEASH), GRACE_S, "/bin/sh", "-c", command]
    return subprocess.Popen(words, stdin=lead.fileno(), stdout=subprocess.PIPE, text=True)


def test_the_leash_ends_with_the_status_of_the_command() -> None:
    near, far = socket.socketpair()
    with near, far, _leash(far, "exit 7") as leash:
        assert leash.wait() == 7
    near, far = socket.socketpair()
    with near, far, _leash(far, "kill -KILL $$") as leash:
        assert leash.wait() == 128 + signal.SIGKILL


def test_the_command_ends_when_the_supervisor_died_before_it_knew_the_process_id(tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    near, far = socket.socketpair()
    near.close()
    with far, _leash(far, f"echo $$ > {pid_file}; exec sleep 600") as leash:
        assert leash.wait() == 128 + signal.SIGTERM
    assert not pid_file.exists() or alive([int(pid_file.read_text() or 0)]) == []


def test_sigterm_to_the_leash_ends_the_command() -> None:
    near, far = socket.socketpair()
    with near, far, _leash(far, "exec sleep 600") as leash:
        pid = int(near.recv(32))
        leash.terminate()
        assert leash.wait() == 128 + signal.SIGTERM
    assert alive([pid]) == []


def test_pausing_and_resuming_the_command_does_not_end_its_leash() -> None:
    near, far = socket.socketpair()
    with near, far, _leash(far, "echo up; read line; exec sleep 600") as leash:
        pid = int(near.recv(32))
        for number in (signal.SIGSTOP, signal.SIGCONT):
            subprocess.run(["kill", f"-{number.value}", str(pid)], check=True)
        wait_until("the command runs on", lambda: alive([pid]))
        assert leash.poll() is None
        near.close()
        leash.wait()
    assert alive([pid]) == []
