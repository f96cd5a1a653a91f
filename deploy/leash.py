"""Keeps one command on a leash: when the supervisor goes, however it goes, the command and all its children go too.

Run as `python -I -S leash.py GRACE_S COMMAND...` with a socket to the supervisor as standard input. It writes the
command's process id to the socket and then waits for the command to end or for the socket to close, which the kernel
does even for a supervisor that was killed with -9. A closed socket means: SIGTERM to the command, GRACE_S seconds for
it to finish its work, then SIGKILL to its whole process group. The exit status is the command's (128 + n for signal n).
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys

SUPERVISOR = 0


def main(argv: list[str]) -> int:
    grace_s, command = float(argv[0]), argv[1:]
    wake = _wake_on_signals()
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)
    with contextlib.suppress(BrokenPipeError):  # the supervisor is gone already, as `_wait` will see
        os.write(SUPERVISOR, b"%d\n" % child.pid)
    _wait(child, wake)
    _end(child, grace_s)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _wake_on_signals() -> int:
    """A descriptor from which each arriving signal's number can be read."""
    wake, told = os.pipe()
    os.set_blocking(told, False)
    signal.set_wakeup_fd(told)
    # A handler that does nothing, not SIG_IGN: an ignored signal would stay ignored in the command.
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return wake


def _wait(child: subprocess.Popen[bytes], wake: int) -> None:
    """Return when the command has ended, the supervisor is gone, or a signal asks for an end."""
    while child.poll() is None:
        ready, _, _ = select.select([SUPERVISOR, wake], [], [])
        if SUPERVISOR in ready:
            return
        if set(os.read(wake, 64)) - {signal.SIGCHLD}:
            return


def _end(child: subprocess.Popen[bytes], grace_s: float) -> None:
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(grace_s)
        except subprocess.TimeoutExpired:
            # Nobody reads this when the supervisor is gone.
            with contextlib.suppress(BrokenPipeError):
                os.write(2, b"did not end within %g s of SIGTERM, so it is killed\n" % grace_s)
    # Also after a good end: what the command itself started and left must not outlive it.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
