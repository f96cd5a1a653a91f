"""The interface of the models that write notes, and how they are prompted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

T5_TASK = "summarize: "
"""The prefix with which T5 was trained to summarize. Encoder–decoder models without an adapter get it."""


@dataclass(frozen=True, slots=True)
class PromptFormat:
    """The text before and after a transcript, as a model was trained on it, and its only language, or None for any."""

    instruction: str = T5_TASK
    suffix: str = ""
    language: str | None = None


class Generator(Protocol):
    """A model that writes notes."""

    @property
    def continues(self) -> bool:
        """True for a decoder-only model, which continues its prompt. False for an encoder–decoder model."""

    @property
    def asked(self) -> PromptFormat | None:
        """The prompt format for a note. None for a model that was not trained to write notes and needs examples."""

    @property
    def adapter(self) -> str | None:
        """The adapter in use."""

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        *,
        prefix: str = "",
        stop: Sequence[str] = ("\n",),
        only: Sequence[str] = (),
        lines_once: bool = False,
    ) -> list[str]:
        """The continuation of prefix + prompt for each of *prompts*, cut before the first of the marks *stop*.

        With *only*, one text for each prompt, an answer has no tokens but those of its text. With *lines_once*, the
        model writes no line twice.
        """


@dataclass(frozen=True, slots=True)
class StopRule:
    """Ends a text before the first of the marks `stop`, and with `lines_once` also before a repeated line."""

    stop: Sequence[str]
    lines_once: bool = False

    def is_in(self, text: str) -> bool:
        return any(mark in text for mark in self.stop) or self._repeated_line(text) < len(text)

    def cut(self, text: str) -> str:
        places = [text.index(mark) for mark in self.stop if mark in text]
        return text[: min([*places, self._repeated_line(text)])].strip()

    def _repeated_line(self, text: str) -> int:
        """The index at which the first repeated line begins, or the length of *text*."""
        seen: set[str] = set()
        at = 0
        for line in text.splitlines(keepends=True) if self.lines_once else ():
            if line.endswith("\n") and line in seen:
                return at
            if line.strip():
                seen.add(line)
            at += len(line)
        return len(text)
