"""`python -m deploy.up [PROCESS...]`: run everything on this machine, or the named processes, until Ctrl-C."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from deploy.addresses import Addresses
from deploy.datadir import FLOWER_USER, flower_password_file
from deploy.output import STACK, Terminal
from deploy.supervisor import Stack
from schema.core.errors import MinutebookError

ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class _Ended(Exception):
    """The user requested the end."""


def main(processes: list[str]) -> int:
    terminal = Terminal()
    try:
        stack = Stack(processes=processes or None, terminal=terminal)
        _run(stack)
    except _Ended:
        terminal.line(STACK, "everything has stopped")
        return 0
    except MinutebookError as error:
        print(f"minutebook up: {error}", file=sys.stderr)
        return 1


def _run(stack: Stack) -> NoReturn:
    def end(_number: int, _frame: FrameType | None) -> None:
        # A second Ctrl-C does not interrupt the orderly end, but shortens it.
        _on_ending(lambda *_: stack.kill_all())
        raise _Ended

    _on_ending(end)
    with stack:
        _greet(stack)
        while True:
            signal.pause()


def _greet(stack: Stack) -> None:
    names, addresses = stack.processes, stack.addresses
    if os.geteuid() == 0:
        stack.say("it runs as root, which it does not need; another user is safer")
    stack.say(f"ready: {', '.join(names)}")
    if "api" in names:
        stack.say(f"open {addresses.api_url} in a browser; programs find the API there, too, with a reference at /docs")
    if "flower" in names:
        stack.say(f"worker monitor: {addresses.flower_url}, user {FLOWER_USER}, {_password(addresses)}")
    stack.say(f"data and logs: {addresses.data_dir}; Ctrl-C stops everything, a second Ctrl-C at once")


def _password(addresses: Addresses) -> str:
    if os.environ.get("MINUTEBOOK_FLOWER_PASSWORD"):
        return "password as in MINUTEBOOK_FLOWER_PASSWORD"
    return f"password in {flower_password_file(addresses.data_dir)}"


def _on_ending(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in ENDINGS:
        signal.signal(number, handler)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
