"""What notes are written with, and how it is asked."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

T5_TASK = "summarize: "
"""How T5 was taught to be asked for a summary; models without adapters that answer are asked so."""


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """What stands before and behind a text that a model was trained to sum up; in any language unless it says one."""

    instruction: str = T5_TASK
    suffix: str = ""
    language: str | None = None


class Generator(Protocol):
    """What notes are written with."""

    @property
    def continues(self) -> bool:
        """True for a decoder-only model, which goes on behind its prompt; false for an encoder–decoder model."""

    @property
    def asked(self) -> PromptFormat | None:
        """How it is asked for a note; None for a model that was not trained to write one and needs examples."""

    @property
    def adapter(self) -> str | None:
        """The adapter in use."""

    def bare(self) -> AbstractContextManager[None]:
        """Generate without the adapter."""

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        *,
        prefix: str = "",
        stop: Sequence[str] = ("\n",),
        only: str = "",
        lines_once: bool = False,
    ) -> list[str]:
        """The continuation of prefix + prompt for each of *prompts*, cut before the first of *stop*.

        With *only*, nothing but the tokens of that text is written; with *lines_once* no line twice.
        """


@dataclass(frozen=True, slots=True)
class StopRule:
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
