"""The format of a trained model's notes: one sentence per line, with decisions and tasks marked.

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
from schema.core.words import count_words
from workers.summarize.text.disfluency import fluent
from workers.summarize.text.segment import Statement
from workers.summarize.text.stems import content_stems


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
    """*lines* in the format that models are trained to write."""
    return "\n".join(f"{line.kind}: {line.text}" if line.kind else line.text for line in lines)


def lines_of(draft: str) -> list[NoteLine]:
    """The sentences of *draft*, each with the kind that its line is marked with."""
    found: list[NoteLine] = []
    for row in draft.splitlines():
        match = _MARKED.match(row.strip())
        if match is not None and match[2]:
            kind = LineKind(match[1] or "")
            found += [NoteLine(kind, text) for text in split_sentences(match[2])]
    return found


_AGREEING_WORDS = 3
"""A sentence of at most this many words is left out if none of them carries meaning: `Yeah, okay.`"""


def transcript(said: Sequence[Statement], language: str) -> str:
    """*said* without hesitations and mere assent. Each turn begins with its speaker's name, if known."""
    pairs = [(statement.speaker, fluent(statement.text)) for statement in said]
    telling = [pair for pair in pairs if content_stems(pair[1], language) or count_words(pair[1]) > _AGREEING_WORDS]
    turns = groupby(telling or pairs, key=lambda pair: pair[0])
    return "\n".join(_line(speaker, " ".join(text for _, text in turn)) for speaker, turn in turns)


def _line(speaker: str | None, text: str) -> str:
    return f"{speaker}: {text}" if speaker else text
