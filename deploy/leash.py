"""Ties one command to the supervisor: however the supervisor ends, the command and its children end too.

Run as `python -I -S leash.py GRACE_S COMMAND...` with a socket to the supervisor as standard input. It writes the
command's process id to the socket, then waits for the command to end or the socket to close. The kernel closes the
socket even if the supervisor is killed with -9. Then the command gets SIGTERM, GRACE_S seconds to finish its work, and
finally its whole process group gets SIGKILL. The exit status is that of the command (128 + n for signal n).
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
    with contextlib.suppress(BrokenPipeError):  # the supervisor is gone, as `_wait` will notice
        os.write(SUPERVISOR, b"%d\n" % child.pid)
    _wait(child, wake)
    _end(child, grace_s)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _wake_on_signals() -> int:
    """A descriptor that delivers the number of each signal that arrives."""
    wake, notify = os.pipe()
    os.set_blocking(notify, False)
    signal.set_wakeup_fd(notify)
    # An empty handler instead of SIG_IGN: the command would inherit an ignored signal.
    for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)
    return wake


def _wait(child: subprocess.Popen[bytes], wake: int) -> None:
    """Return when the command has ended, the supervisor is gone, or a signal requests the end."""
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
            # Nobody reads this if the supervisor is gone.
            with contextlib.suppress(BrokenPipeError):
                os.write(2, b"did not end within %g s of SIGTERM; killing it\n" % grace_s)
    # Even after a regular end: processes that the command started and left must not outlive it.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
