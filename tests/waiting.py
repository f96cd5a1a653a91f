"""The one way in which tests wait for something. A wait that gives up says what it saw last."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

import pytest

PATIENCE_S = 300.0
"""How long anything may take on a slow machine that others use too."""
POLL_S = 0.02
SHOWN_CHARACTERS = 2000

Observed = TypeVar("Observed")


@dataclass(eq=False)
class Wait:
    """A wait under way. Times are those of the monotonic clock."""

    what: str
    seen: str = "nothing yet"
    since_s: float = field(default_factory=time.monotonic)
    changed_s: float = field(default_factory=time.monotonic)

    def __str__(self) -> str:
        now_s = time.monotonic()
        return (
            f"waiting for {now_s - self.since_s:.1f} s until {self.what}; "
            f"last seen, unchanged for {now_s - self.changed_s:.1f} s: {self.seen}"
        )


@dataclass
class WaitProgress:
    """What the watchdog looks at: the test, the waits of all its threads, and when anything changed last."""

    test: str = "no test"
    changed_s: float = field(default_factory=time.monotonic)
    waits: list[Wait] = field(default_factory=list)

    def begin(self, test: str) -> None:
        self.test = test
        self.note()

    def note(self) -> None:
        self.changed_s = time.monotonic()


PROGRESS = WaitProgress()


def wait_until(
    what: str,
    look: Callable[[], Observed],
    holds: Callable[[Observed], object] = bool,
    *,
    retry_on: type[Exception] | tuple[type[Exception], ...] = (),
    patience_s: float = PATIENCE_S,
    poll_s: float = POLL_S,
) -> Observed:
    """Call *look* until *holds* is true of what it returns, and return that.

    *what* completes the sentence "waited until ...". An exception in *retry_on* means "not yet"; any other one ends
    the wait, with a note of what was seen before it. After *patience_s* the test fails with what was seen last. Where
    *look* itself waits, for instance for a message, *poll_s* is 0.
    """
    with _registered(what) as wait:
        while time.monotonic() - wait.since_s <= patience_s:
            try:
                observed = look()
            except retry_on as error:
                _see(wait, f"{type(error).__name__}: {error}")
            else:
                if holds(observed):
                    return observed
                _see(wait, repr(observed))
            time.sleep(poll_s)
    pytest.fail(f"gave up {wait}")


@contextmanager
def _registered(what: str) -> Iterator[Wait]:
    wait = Wait(what)
    PROGRESS.waits.append(wait)
    PROGRESS.note()
    try:
        yield wait
    except BaseException as error:  # pytest's timeout, too, must say what it cut short
        error.add_note(str(wait))
        raise
    finally:
        PROGRESS.waits.remove(wait)
        PROGRESS.note()


def _see(wait: Wait, seen: str) -> None:
    if len(seen) > SHOWN_CHARACTERS:
        seen = f"{seen[:SHOWN_CHARACTERS]}..."
    if seen != wait.seen:
        wait.seen, wait.changed_s = seen, time.monotonic()
        PROGRESS.note()
