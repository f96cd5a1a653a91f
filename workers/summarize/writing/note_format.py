"""The form in which a model that was trained for it writes a note: a sentence a line, decisions and tasks marked.

The price of the screws has risen.
Decision: The team will look for another supplier.
Action: Ben will ask for two offers.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby

from schema.core.sentences import split_sentences
from workers.summarize.text.disfluency import fluent
from workers.summarize.text.segment import Statement
from workers.summarize.text.words import content_stems, count_words


class LineKind(StrEnum):
    POINT = ""
    DECISION = "Decision"
    ACTION = "Action"


@dataclass(frozen=True, slots=True)
class NoteLine:
    kind: LineKind
    text: str


_MARKED = re.compile(rf"(?:({LineKind.DECISION}|{LineKind.ACTION}): *)?(.*)")


def written(lines: list[NoteLine]) -> str:
    """*lines* as a model is taught to write them."""
    return "\n".join(f"{line.kind}: {line.text}" if line.kind else line.text for line in lines)


def lines_of(draft: str) -> list[NoteLine]:
    """The sentences of *draft*, each of the kind that its line is marked with."""
    found: list[NoteLine] = []
    for row in draft.splitlines():
        match = _MARKED.match(row.strip())
        if match is not None and match[2]:
            kind = LineKind(match[1] or "")
            found += [NoteLine(kind, text) for text in split_sentences(match[2])]
    return found


_AGREEING_WORDS = 3
"""The most words of a sentence that is left out when none of them carries meaning: `Yeah, okay.`"""


def transcript(said: Sequence[Statement], language: str) -> str:
    """*said* without hesitations and mere assent, each turn behind the name of its speaker where that is known."""
    pairs = [(statement.speaker, fluent(statement.text)) for statement in said]
    telling = [pair for pair in pairs if content_stems(pair[1], language) or count_words(pair[1]) > _AGREEING_WORDS]
    turns = groupby(telling or pairs, key=lambda pair: pair[0])
    return "\n".join(_line(speaker, " ".join(text for _, text in turn)) for speaker, turn in turns)


def _line(speaker: str | None, text: str) -> str:
    return f"{speaker}: {text}" if speaker else text
