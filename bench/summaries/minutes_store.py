"""Stores the minutes of each system and meeting as they are written, so that an interrupted run can resume."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schema.core.errors import InvalidData
from schema.minutes.minutes import MINUTES, Minutes

MinutesKey = tuple[str, str]
"""A system and a meeting."""


@dataclass(frozen=True, slots=True)
class WrittenMinutes:
    minutes: Minutes
    processor_s: float


class MinutesStore:
    """Rows in a file of JSON lines, whose first line describes the writers. With *resume* existing rows are kept.

    Raises InvalidData if the existing rows are from other models.
    """

    def __init__(self, path: Path, made_by: dict[str, Any], *, resume: bool = False) -> None:
        self._path = path
        self._rows: dict[MinutesKey, WrittenMinutes] = {}
        if resume and path.is_file():
            self._read(made_by)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(made_by) + "\n", encoding="utf-8")

    def __contains__(self, key: MinutesKey) -> bool:
        return key in self._rows

    def __getitem__(self, key: MinutesKey) -> WrittenMinutes:
        return self._rows[key]

    def put(self, system: str, meeting: str, written: WrittenMinutes) -> None:
        self._rows[system, meeting] = written
        minutes = MINUTES.dump_python(written.minutes, mode="json")
        row = {"system": system, "meeting": meeting, "processor_s": written.processor_s, "minutes": minutes}
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def _read(self, made_by: dict[str, Any]) -> None:
        rows = list(_whole_rows(self._path))
        if not rows or rows[0] != made_by:
            raise InvalidData(f"{self._path} was written by {rows[:1]}, not by {made_by}. Run without --resume.")
        for row in rows[1:]:
            written = WrittenMinutes(MINUTES.validate_python(row["minutes"]), row["processor_s"])
            self._rows[row["system"], row["meeting"]] = written


def _whole_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The complete rows. An incomplete last line, which a killed run leaves, is removed from the file."""
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        path.write_text(whole, encoding="utf-8")
    for line in whole.splitlines():
        yield json.loads(line)
