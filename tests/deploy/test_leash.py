from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

from deploy.service import LEASH
from tests.deploy.sleepers import all_gone, eventually

GRACE_S = "5"


def _leash(lead: socket.socket, command: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-I", "-S", str(LEASH), GRACE_S, "/bin/sh", "-c", command]
    return subprocess.Popen(words, stdin=lead.fileno(), stdout=subprocess.PIPE, text=True)


def test_the_command_s_status_is_passed_on() -> None:
    near, far = socket.socketpair()
    with near, far, _leash(far, "exit 7") as leash:
        assert leash.wait() == 7
    near, far = socket.socketpair()
    with near, far, _leash(far, "kill -KILL $$") as leash:
        assert leash.wait() == 128 + signal.SIGKILL


def test_a_supervisor_that_died_before_it_heard_of_the_command_leaves_nothing_behind(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    near, far = socket.socketpair()
    near.close()
    with far, _leash(far, f"echo $$ > {told}; exec sleep 600") as leash:
        assert leash.wait() == 128 + signal.SIGTERM
    assert not told.exists() or all_gone([int(told.read_text() or 0)])


def test_sigterm_to_the_leash_ends_the_command() -> None:
    near, far = socket.socketpair()
    with near, far, _leash(far, "exec sleep 600") as leash:
        pid = int(near.recv(32))
        leash.terminate()
        assert leash.wait() == 128 + signal.SIGTERM
    assert all_gone([pid])


def test_a_command_that_is_paused_and_goes_on_stays_on_its_leash() -> None:
    near, far = socket.socketpair()
    with near, far, _leash(far, "echo up; read line; exec sleep 600") as leash:
        pid = int(near.recv(32))
        for number in (signal.SIGSTOP, signal.SIGCONT):
            subprocess.run(["kill", f"-{number.value}", str(pid)], check=True)
        eventually("it goes on", lambda: not all_gone([pid]))
        assert leash.poll() is None
        near.close()
        leash.wait()
    assert all_gone([pid])
