"""What an exit status says, in words for whoever reads the log."""

from __future__ import annotations

import signal

BY_SIGNAL = 128
"""A shell, and the leash, add this to the number of the signal that ended a command."""
HINTS = {
    signal.SIGBUS: "a file it had mapped can no longer be written or read: look whether the data folder has become "
    "read-only or its disk full, and run 'minutebook doctor'",
    signal.SIGKILL: "if nobody sent it, the system was out of memory: take a smaller model or fewer processes",
    signal.SIGILL: "a library was built for another CPU; install its build for this one",
}


def meaning(status: int) -> str:
    """`status 1`, or for an end by a signal its name and what usually lies behind it."""
    try:
        ended_by = signal.Signals(status - BY_SIGNAL)
    except ValueError:
        return f"status {status}"
    hint = f": {HINTS[ended_by]}" if ended_by in HINTS else ""
    return f"status {status} ({ended_by.name}{hint})"
