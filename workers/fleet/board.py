"""What each process of a worker does: notes in memory that the processes share. The main process reads them.

A note costs microseconds, so a process may write one with every step. There is one place for each process of the pool,
and one for the main process. A process that replaces a dead one gets its place.
"""

from __future__ import annotations

import json
import logging
import mmap
import os
import struct
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any
from zlib import crc32

from billiard.process import current_process

from schema.core.lines import shown
from schema.fleet.wire import ModelInUse

PLACE_BYTES = 16 << 10
_HEAD = struct.Struct("<II")
"""Length and checksum of the note behind it."""
MEETINGS_LIMIT = 20
ADAPTERS_LIMIT = 20
ERROR_CHARACTERS = 300
MAIN = -1
"""The place of the main process."""


@dataclass
class ProcessNote:
    """What a process says. `since_s` is by the monotonic clock, which all processes of a machine share.

    `models` are the members of `ModelInUse`, `error` those of `WorkError`.
    """

    pid: int = 0
    ready: bool = False
    task: str | None = None
    meetings: list[str] = field(default_factory=list)
    since_s: float = 0.0
    models: list[dict[str, Any]] = field(default_factory=list)
    error: dict[str, str] | None = None


class Board:
    """Memory for the notes of *places* processes and of the main process. What forks from this process shares it."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._memory = mmap.mmap(-1, (places + 1) * PLACE_BYTES)

    def write(self, place: int, note: ProcessNote) -> None:
        text = json.dumps(asdict(note), ensure_ascii=False, separators=(",", ":")).encode()
        if not MAIN <= place < self.places or len(text) > PLACE_BYTES - _HEAD.size:
            return  # the pool has grown since the start; what the process does is then not shown
        start = (place + 1) * PLACE_BYTES
        self._memory[start : start + _HEAD.size + len(text)] = _HEAD.pack(len(text), crc32(text)) + text

    def read(self, place: int) -> ProcessNote | None:
        """The note of *place*. None if there is none, or if it is being written at this moment."""
        start = (place + 1) * PLACE_BYTES
        length, checksum = _HEAD.unpack(self._memory[start : start + _HEAD.size])
        text = self._memory[start + _HEAD.size : start + _HEAD.size + min(length, PLACE_BYTES - _HEAD.size)]
        if not length or crc32(text) != checksum:
            return None
        return ProcessNote(**json.loads(text))


class Noter(logging.Handler):
    """Keeps the note of this process. As a handler of the log it notes the last error."""

    def __init__(self, board: Board) -> None:
        super().__init__(logging.ERROR)
        self._board = board
        self._models: Callable[[], Iterable[ModelInUse]] = tuple
        self.note = ProcessNote()

    def begin_process(self) -> None:
        """Begin the note of a new process. What the one before it has logged stays, because it may be why that died."""
        known = self._board.read(self._place)
        self.note = ProcessNote(pid=os.getpid(), error=None if known is None else known.error)
        self._write()

    def set_ready(self, models: Callable[[], Iterable[ModelInUse]]) -> None:
        """The process waits for work. *models* says which models it has loaded, and is asked after each task."""
        self._models = models
        self.note.ready = True
        self.end_work()

    def begin_work(self, task: str, meetings: Iterable[str]) -> None:
        """The process works on *meetings*. Called again with other ones, the time goes on."""
        if self.note.task is None:
            self.note.task, self.note.since_s = task, time.monotonic()
        self.note.meetings = list(meetings)[:MEETINGS_LIMIT]
        self._write()

    def end_work(self) -> None:
        self.note.task, self.note.meetings = None, []
        self.note.models = [_bounded(each).model_dump() for each in self._models()]
        self._write()

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if record.exc_info and record.exc_info[1] is not None and str(record.exc_info[1]) not in text:
            text = f"{text}: {record.exc_info[1]}"
        at = datetime.fromtimestamp(record.created, UTC).isoformat()
        self.note.error = {"at": at, "text": shown(text.partition("\n")[0])[:ERROR_CHARACTERS]}
        self._write()

    def _write(self) -> None:
        if self.note.pid in (0, os.getpid()):
            self._board.write(self._place, self.note)

    @property
    def _place(self) -> int:
        index = getattr(current_process(), "index", None)
        return MAIN if index is None else int(index)


def _bounded(model: ModelInUse) -> ModelInUse:
    return model.model_copy(update={"adapters": model.adapters[:ADAPTERS_LIMIT]})


_noter: Noter | None = None


def open_board(places: int) -> Board:
    """Make the board of this worker. Called in its main process, before there is a pool."""
    global _noter
    board = Board(places)
    _noter = Noter(board)
    _noter.begin_process()
    return board


def noter() -> Noter | None:
    """The noter of this process; None outside of a worker."""
    return _noter


def begin_work(task: str, meetings: Iterable[str]) -> None:
    if _noter is not None:
        _noter.begin_work(task, meetings)


def end_work() -> None:
    if _noter is not None:
        _noter.end_work()
