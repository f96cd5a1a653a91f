"""The output of the processes: a size-limited log file for each and, on request, the terminal with a name on each
line.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import deque
from contextlib import suppress
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

from schema.core.disk import fault_of, private_opener
from schema.core.lines import shown
from schema.core.repeats import Repeats

FILE_LIMIT_BYTES = 5 << 20
OLD_FILES = 2
LINE_LIMIT_BYTES = 64 << 10
TAIL_LINES = 12

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92)


class Terminal:
    """Writes whole lines to standard output, from any thread. Colours only on a terminal."""

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
                self._stream.write(f"{label} {text}\n")
                self._stream.flush()
            except BrokenPipeError:  # the reader is gone (`make up | head`); the files continue
                self._stream = None


class LogFile(RotatingFileHandler):
    """A log of limited size that only its owner can read. Lines that the disk has no room for are counted."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=FILE_LIMIT_BYTES, backupCount=OLD_FILES, encoding="utf-8")
        self.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
        self.lost_lines = 0
        self.fault: OSError | None = None
        """Why the last line was not written; None if it was."""

    def write(self, text: str) -> None:
        self.fault = None
        self.handle(logging.makeLogRecord({"msg": text}))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of the base class
        fault = sys.exc_info()[1]
        if not isinstance(fault, OSError):
            super().handleError(record)
            return
        self.lost_lines += 1
        self.fault = fault
        if self.stream is not None:  # it holds the line, and would fail again when it is closed; the next line reopens
            with suppress(OSError):
                self.stream.close()
            self.stream = None

    def _open(self) -> TextIOWrapper:
        stream = open(self.baseFilename, self.mode, encoding=self.encoding, opener=private_opener)  # noqa: SIM115
        assert isinstance(stream, TextIOWrapper)
        return stream


class Output:
    """The lines of one process: `folder/name.log`, at most (1 + OLD_FILES) * FILE_LIMIT_BYTES, and the last few in
    `tail`.
    """

    def __init__(self, name: str, folder: Path, terminal: Terminal | None) -> None:
        self.name = name
        self.path = folder / f"{name}.log"
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._terminal = terminal
        self._file = LogFile(self.path)
        self._repeats = Repeats()

    def line(self, text: str) -> None:
        self.tail.append(text)
        self._show(text)
        lost_before = self._file.lost_lines
        self._file.write(text)
        if self._file.fault is not None:
            if self._repeats.left_out("fault") is not None:
                self._show(f"{fault_of(self.path.parent, self._file.fault)}; until then {self.path} gets no lines")
        elif lost_before:
            self._file.lost_lines = 0
            self._file.write(f"{lost_before} lines before this one were not written; the disk took none")

    def _show(self, text: str) -> None:
        if self._terminal is not None:
            self._terminal.line(self.name, text)

    def follow(self, pipe: IO[bytes]) -> threading.Thread:
        """Read every line of *pipe* until it ends, in a thread of its own. Control characters become visible."""
        thread = threading.Thread(target=self._take, args=(pipe,), name=f"output-{self.name}", daemon=True)
        thread.start()
        return thread

    def _take(self, pipe: IO[bytes]) -> None:
        with pipe:
            while raw := pipe.readline(LINE_LIMIT_BYTES):
                self.line(shown(raw.decode("utf-8", "replace").rstrip()))

    def close(self) -> None:
        self._file.close()
