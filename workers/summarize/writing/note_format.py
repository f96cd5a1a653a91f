"""The form in which a model that was trained for it writes a note: a sentence a line, decisions and tasks marked.

The price of the screws has risen.
Decision: The team will look for another supplier.
Action: Ben will ask for two offers.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from workers.summarize.text.sentences import split_sentences


class Kind(StrEnum):
    POINT = ""
    DECISION = "Decision"
    ACTION = "Action"


@dataclass(frozen=True, slots=True)
class Line:
    kind: Kind
    text: str


_MARKED = re.compile(rf"(?:({Kind.DECISION}|{Kind.ACTION}): *)?(.*)")


def written(lines: list[Line]) -> str:
    """*lines* as a model is taught to write them."""
    return "\n".join(f"{line.kind}: {line.text}" if line.kind else line.text for line in lines)


def lines_of(draft: str) -> list[Line]:
    """The sentences of *draft*, each of the kind that its line is marked with."""
    found: list[Line] = []
    for row in draft.splitlines():
        match = _MARKED.match(row.strip())
        if match is not None and match[2]:
            kind = Kind(match[1] or "")
            found += [Line(kind, text) for text in split_sentences(match[2])]
    return found
