"""The output of the processes: a size-limited log file for each and, on request, the terminal with a name on each
line.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import deque
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import IO

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


class Output:
    """The lines of one process: `folder/name.log`, at most (1 + OLD_FILES) * FILE_LIMIT_BYTES, and the last few in
    `tail`.
    """

    def __init__(self, name: str, folder: Path, terminal: Terminal | None) -> None:
        self.name = name
        self.path = folder / f"{name}.log"
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._terminal = terminal
        self._file = RotatingFileHandler(self.path, maxBytes=FILE_LIMIT_BYTES, backupCount=OLD_FILES, encoding="utf-8")
        self._file.setFormatter(logging.Formatter("%(asctime)s %(message)s"))

    def line(self, text: str) -> None:
        self.tail.append(text)
        self._file.handle(logging.makeLogRecord({"msg": text}))
        if self._terminal is not None:
            self._terminal.line(self.name, text)

    def follow(self, pipe: IO[bytes]) -> threading.Thread:
        """Read every line of *pipe* until it ends, in a thread of its own."""
        thread = threading.Thread(target=self._take, args=(pipe,), name=f"output-{self.name}", daemon=True)
        thread.start()
        return thread

    def _take(self, pipe: IO[bytes]) -> None:
        with pipe:
            while raw := pipe.readline(LINE_LIMIT_BYTES):
                self.line(raw.decode("utf-8", "replace").rstrip())

    def close(self) -> None:
        self._file.close()
