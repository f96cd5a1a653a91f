"""Says the same thing once: messages of one kind that repeat are counted, and said again ever more rarely.

A fault such as a full disk fails every request and every task, many times a second, until somebody mends it. Its
messages must not fill the disk too.
"""

from __future__ import annotations

import logging
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass

FIRST_PAUSE_S = 10.0
LONGEST_PAUSE_S = 600.0
KINDS_LIMIT = 256
KIND_CHARACTERS = 200
LINE_CHARACTERS = 400
_VARYING = re.compile(r"\b(?=\w*\d)\w+\b")
"""Words with a digit: ids, numbers, times."""
_DISK_FULL = re.compile("no space left|disk is full|quota exceeded", re.IGNORECASE)
"""The words of the operating system, of Redis, SQLite and PostgreSQL."""


@dataclass(slots=True)
class _Kind:
    pause_s: float
    next_s: float
    left_out: int = 0


class Repeats:
    """Decides which of many messages of one kind are said: the first, then one after 10 s, 20 s, 40 s ... 10 minutes.

    A kind that was silent for as long as its pause begins anew. At most KINDS_LIMIT kinds are remembered.
    """

    def __init__(self, clock_s: Callable[[], float] = time.monotonic) -> None:
        self._clock_s = clock_s
        self._kinds: OrderedDict[Hashable, _Kind] = OrderedDict()

    def left_out(self, kind: Hashable) -> int | None:
        """How many messages of *kind* were left out since the last one that was said; None to leave this one out."""
        now_s = self._clock_s()
        known = self._kinds.pop(kind, None) or _Kind(pause_s=FIRST_PAUSE_S / 2, next_s=now_s)
        self._kinds[kind] = known
        if len(self._kinds) > KINDS_LIMIT:
            self._kinds.popitem(last=False)
        if now_s < known.next_s:
            known.left_out += 1
            return None
        over = now_s >= known.next_s + known.pause_s
        known.pause_s = FIRST_PAUSE_S if over else min(2 * known.pause_s, LONGEST_PAUSE_S)
        count, known.left_out, known.next_s = known.left_out, 0, now_s + known.pause_s
        return count


class WithoutRepeats(logging.Filter):
    """Leaves repeated warnings and errors out of a log. Those that differ only in ids and numbers are of one kind.

    What fails because a disk is full is one kind for each logger, and is said in a line without a traceback.
    """

    def __init__(self, repeats: Repeats | None = None) -> None:
        super().__init__()
        self._repeats = repeats or Repeats()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        message, kind = record.getMessage(), ""
        disk_fault = _disk_fault(record, message)
        if disk_fault is None:
            kind = _VARYING.sub("#", message)[:KIND_CHARACTERS]
        else:
            message, record.exc_info, record.exc_text = disk_fault, None, None
        count = self._repeats.left_out((record.name, record.levelno, kind))
        more = f" (and {count} more of this kind since the last one)" if count else ""
        record.msg, record.args = f"{message}{more}", None
        return count is not None


def _disk_fault(record: logging.LogRecord, message: str) -> str | None:
    """What *record* says in one line with the remedy, if it says that a disk is full."""
    cause = str(record.exc_info[1]) if record.exc_info else ""
    if not _DISK_FULL.search(f"{message} {cause}"):
        return None
    said = message.partition("\n")[0][:LINE_CHARACTERS]
    reason = "" if _DISK_FULL.search(said) else f" ({cause.partition(chr(10))[0][:LINE_CHARACTERS]})"
    return f"{said}{reason}; a disk is full: free some space, then the work continues"


def leave_out_repeats(*loggers: logging.Logger) -> None:
    """Leave repeated messages out of what the handlers of *loggers* write, and out of what has no handler."""
    handlers = [handler for logger in loggers for handler in logger.handlers]
    for handler in (*handlers, logging.lastResort):
        if handler is not None and not any(isinstance(each, WithoutRepeats) for each in handler.filters):
            handler.addFilter(WithoutRepeats())
