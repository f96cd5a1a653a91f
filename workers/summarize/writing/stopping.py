"""Where a text that a model writes ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ending:
    """Before the first of the marks `stop`; with `lines_once` also before a line that equals one before it."""

    stop: Sequence[str]
    lines_once: bool = False

    def is_in(self, text: str) -> bool:
        return any(mark in text for mark in self.stop) or self._repeated_line(text) < len(text)

    def cut(self, text: str) -> str:
        places = [text.index(mark) for mark in self.stop if mark in text]
        return text[: min([*places, self._repeated_line(text)])].strip()

    def _repeated_line(self, text: str) -> int:
        """Where the first whole line begins that was there before; else the length of *text*."""
        seen: set[str] = set()
        at = 0
        for line in text.splitlines(keepends=True) if self.lines_once else ():
            if line.endswith("\n") and line in seen:
                return at
            if line.strip():
                seen.add(line)
            at += len(line)
        return len(text)
