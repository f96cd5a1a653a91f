"""What a model learns from or is measured on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Example:
    """Audio, its text, its summary: those of the three that the task needs.

    `where` names the file and line that the example came from, for messages. Of the file `audio` it is the stretch
    from `start_s` to `end_s`, None being the end of the file. `group` is the meeting or the speaker: examples of one
    group depend on each other, so they belong to one side of a split and are drawn together in a bootstrap. `evidence`
    are the lines of `text`, from 0, that the summary rests on, where people have linked them.
    """

    id: str
    where: str
    audio: Path | None = None
    start_s: float = 0.0
    end_s: float | None = None
    text: str | None = None
    summary: str | None = None
    language: str = "en"
    group: str = ""
    evidence: tuple[int, ...] | None = None
