"""The output of the processes: a size-limited log file for each, one for all of them and, on request, the terminal."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
import time
from collections import deque
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

from schema.core.disk import fault_of, private_opener
from schema.core.json_logs import json_line
from schema.core.lines import shown
from schema.core.repeats import Repeats

FILE_LIMIT_BYTES = 5 << 20
OLD_FILES = 2
LINE_LIMIT_BYTES = 64 << 10
TAIL_LINES = 12
STACK = "stack"
"""The name of what the supervisor itself says, and of the log with the lines of all processes."""

_OWN_TIME = re.compile(
    r"""
    (?P<kept> \[ | \[[A-Z]\  | \d+:(?: [A-Z] | signal-handler )\  )
    (?: \d{4}-\d\d-\d\d\ \d\d:\d\d:\d\d,\d{3}:\              # Celery
      | \d{6}\ \d\d:\d\d:\d\d\                               # Flower, by Tornado
      | \d\d\ [A-Z][a-z]{2}\ \d{4}\ \d\d:\d\d:\d\d\.\d{3}\   # Valkey
      | \(\d{10}\)\                                          # Valkey, at a signal
    )
    """,
    re.VERBOSE | re.ASCII,
)
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)


class Terminal:
    """Writes whole lines with the time of day to standard output, from any thread. Colours only on a terminal."""

    def __init__(self, stream: IO[str] | None = None) -> None:
        self._stream: IO[str] | None = stream or sys.stdout
        self._lock = threading.Lock()
        self._colours: dict[str, int] = {}
        self._coloured = self._stream.isatty() and "NO_COLOR" not in os.environ

    def line(self, name: str, text: str) -> None:
        label = f"{name:>10} |"
        with self._lock:
            if self._stream is None:
                return
            if self._coloured:
                colour = self._colours.setdefault(name, _COLOURS[len(self._colours) % len(_COLOURS)])
                label = f"\x1b[{colour}m{label}\x1b[0m"
            try:
                self._stream.write(f"{time.strftime('%H:%M:%S')} {label} {text}\n")
                self._stream.flush()
            except BrokenPipeError:  # the reader is gone (`make up | head`); the files continue
                self._stream = None


class LogFile:
    """A log of limited size that only its owner can read. Any thread may write.

    Each line gets its time, or with *as_json* is an object that has the name of its process.

    Lines that the disk has no room for are counted. The next line that is written says how many there were.
    """

    def __init__(self, path: Path, *, as_json: bool = False) -> None:
        self.path = path
        self.as_json = as_json
        self._handler = _RotatingFile(path, maxBytes=FILE_LIMIT_BYTES, backupCount=OLD_FILES, encoding="utf-8")
        self._handler.setFormatter(logging.Formatter("%(message)s" if as_json else "%(asctime)s %(message)s"))
        self._lost_lines = 0
        self._repeats = Repeats()
        self._lock = threading.Lock()

    def write(self, process: str, text: str, label: str = "") -> str | None:
        """Write a line of *process*. Returns why that failed, unless it was said a short time ago."""
        with self._lock:
            fault = self._handler.fault_of_writing(self._line(process, text, label))
            if fault is not None:
                self._lost_lines += 1
                if self._repeats.left_out("fault") is not None:
                    return f"{fault_of(self.path.parent, fault)}; until then {self.path} gets no lines"
            elif self._lost_lines:
                lost, self._lost_lines = self._lost_lines, 0
                remark = f"{lost} lines before this one were not written; the disk took none"
                self._handler.fault_of_writing(self._line(process, remark))
            return None

    def _line(self, process: str, text: str, label: str = "") -> str:
        return json_line(process, text) if self.as_json else f"{label}{text}"

    def close(self) -> None:
        self._handler.close()


class _RotatingFile(RotatingFileHandler):
    _fault: OSError | None = None

    def fault_of_writing(self, text: str) -> OSError | None:
        self._fault = None
        self.handle(logging.makeLogRecord({"msg": text}))
        return self._fault

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of the base class
        fault = sys.exc_info()[1]
        if not isinstance(fault, OSError):
            super().handleError(record)
            return
        self._fault = fault
        if self.stream is not None:  # it holds the line, and would fail again when it is closed; the next line reopens
            with suppress(OSError):
                self.stream.close()
            self.stream = None

    def _open(self) -> TextIOWrapper:
        stream = open(self.baseFilename, self.mode, encoding=self.encoding, opener=private_opener)  # noqa: SIM115
        assert isinstance(stream, TextIOWrapper)
        return stream


class StackLog:
    """The lines of all processes and of the supervisor, each with its name: `folder/stack.log`, and the terminal."""

    def __init__(self, folder: Path, terminal: Terminal | None, *, as_json: bool = False) -> None:
        self._terminal = terminal
        self._file = LogFile(folder / f"{STACK}.log", as_json=as_json)

    def line(self, name: str, text: str) -> None:
        self._show(name, text)
        fault = self._file.write(name, text, label=f"{name:>10} | ")
        if fault is not None:
            self._show(STACK, fault)

    def _show(self, name: str, text: str) -> None:
        if self._terminal is not None:
            self._terminal.line(name, text)

    def close(self) -> None:
        self._file.close()


class Output:
    """The lines of one process: in `folder/name.log`, at most (1 + OLD_FILES) * FILE_LIMIT_BYTES, in *stack_log*, and
    the last few in `tail`.
    """

    def __init__(self, name: str, folder: Path, stack_log: StackLog | None, *, as_json: bool = False) -> None:
        self.name = name
        self.path = folder / f"{name}.log"
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._stack_log = stack_log
        self._file = LogFile(self.path, as_json=as_json)

    def line(self, text: str) -> None:
        self.tail.append(text)
        fault = self._file.write(self.name, text)
        if self._stack_log is not None:
            self._stack_log.line(self.name, text)
            if fault is not None:
                self._stack_log.line(self.name, fault)

    def follow(self, pipe: IO[bytes]) -> threading.Thread:
        """Read every line of *pipe* until it ends, in a thread of its own. Control characters become visible."""
        thread = threading.Thread(target=self._take, args=(pipe,), name=f"output-{self.name}", daemon=True)
        thread.start()
        return thread

    def _take(self, pipe: IO[bytes]) -> None:
        with pipe:
            while raw := pipe.readline(LINE_LIMIT_BYTES):
                self.line(_without_own_time(shown(raw.decode("utf-8", "replace").rstrip())))

    def close(self) -> None:
        self._file.close()


def _without_own_time(line: str) -> str:
    """*line* without the time that Celery, Flower or Valkey wrote at its beginning: the log writes its own."""
    match = _OWN_TIME.match(line)
    return line if match is None else match["kept"] + line[match.end() :]
