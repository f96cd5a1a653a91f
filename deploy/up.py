"""`python -m deploy.up [PROCESS...]`: everything on this machine, or the processes named, until Ctrl-C."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from deploy.output import Terminal
from deploy.supervisor import Stack
from schema.core.errors import MinutebookError

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Ended(Exception):
    """Somebody asked for the end."""


def main(processes: list[str]) -> int:
    terminal = Terminal()
    try:
        stack = Stack(processes=processes or None, terminal=terminal)
        _run(stack, terminal)
    except _Ended:
        terminal.line("stack", "everything has stopped")
        return 0
    except MinutebookError as error:
        print(f"minutebook up: {error}", file=sys.stderr)
        return 1


def _run(stack: Stack, terminal: Terminal) -> NoReturn:
    def end(_number: int, _frame: FrameType | None) -> None:
        # From here a further Ctrl-C no longer interrupts the orderly end: it shortens it.
        _on_ending(lambda *_: stack.kill_all())
        raise _Ended

    _on_ending(end)
    with stack:
        _greet(stack, terminal)
        while True:
            signal.pause()


def _greet(stack: Stack, terminal: Terminal) -> None:
    names, addresses = stack.processes, stack.addresses
    terminal.line("stack", f"ready: {', '.join(names)}")
    if "api" in names:
        terminal.line("stack", f"the API is at {addresses.api_url}, its reference at {addresses.api_url}/docs")
    if "flower" in names:
        terminal.line("stack", f"the workers can be watched at {addresses.flower_url}")
    terminal.line("stack", f"data and logs are in {addresses.data_dir}; Ctrl-C stops everything, a second one at once")


def _on_ending(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in ENDINGS:
        signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
