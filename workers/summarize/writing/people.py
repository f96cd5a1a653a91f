"""Finds the people in a meeting: speakers of tracks, people addressed by name, and people given a task."""

from __future__ import annotations

import re
from collections.abc import Sequence

from schema.core.sentences import SENTENCE_ENDS
from workers.summarize.text.disfluency import without_lead_in
from workers.summarize.text.due import days, find_due
from workers.summarize.text.segment import Statement
from workers.summarize.text.stop_words import STOP_WORDS

_NAME = r"([A-Z][a-zà-öø-ÿ]+)"
_STRONG = (
    re.compile(
        rf"(?:^|[,.;:!?]\s+|\b(?:[Ss]o|[Aa]nd|[Oo]kay|[Tt]hen)\s+){_NAME},\s+(?:can|could|will|would|please|do|did|are|have|what|how|you)\b"
    ),
    re.compile(
        rf"\b(?:[Tt]hanks|[Tt]hank you|[Hh]i|[Hh]ello|[Ss]ure|[Oo]kay|[Yy]es|[Rr]ight|[Ss]orry|you),?\s+{_NAME}[.,!?]"
    ),
    re.compile(
        rf"\b{_NAME}(?:'ll|’ll|\s+(?:will|is going to|has to|needs to|"
        r"should|must|promised|offered|agreed|takes care))\b"
    ),
    re.compile(
        rf"\b(?:[Aa]sk|[Tt]ell|[Cc]all|with|from|and|or)\s+{_NAME}\b(?=\s+(?:to|will|and|or|about|whether|if)\b)"
    ),
)
_WEAK = re.compile(
    rf"(?:^|[:;,]\s+){_NAME}\s+[a-z]+(?<!s)s\s+(?:the|a|an|our|on|to|up|with|it|that|them|and|every|all|\w+)\b"
)
_OTHERS = """
marketing management sales support finance legal engineering nobody somebody someone people customers team friday
monday yesterday tonight god english german french europe america google microsoft amazon apple facebook linux
windows christmas easter internet it everything nothing something anybody anything everyone here there question
morning afternoon evening good great fine perfect exactly cool alright anyway finally meanwhile actually basically
maybe perhaps sorry please welcome hopefully obviously unfortunately otherwise however today tomorrow nice super
"""
_NO_PEOPLE = frozenset(_OTHERS.split())


def find_people(statements: Sequence[Statement]) -> frozenset[str]:
    """Names of people as written. A speaker counts by full name and by first name."""
    text = " ".join(statement.text for statement in statements)
    speakers = {name for s in statements if s.speaker for name in (s.speaker, s.speaker.split()[0])}
    strong = {name for s in statements for pattern in _STRONG for name in pattern.findall(s.text)}
    given = [(name, s.text) for s in statements for name in _WEAK.findall(without_lead_in(s.text))]
    weak = {name for name, task in given if find_due(task) or _is_repeated(name, text)}
    return frozenset(speakers | {name for name in strong | weak if _can_be_name(name, text)})


def _is_repeated(name: str, text: str) -> bool:
    return len(re.findall(rf"\b{name}\b", text)) > 1


def _can_be_name(name: str, text: str) -> bool:
    """Whether *name* can be a person's. A word that also occurs in lower case in the meeting cannot."""
    low = name.lower()
    return not (low in STOP_WORDS or low in _NO_PEOPLE or days(name) or re.search(rf"\b{low}\b", text))


def addressed(text: str, people: frozenset[str]) -> str | None:
    """The person whom *text* addresses by name: `Priya, will you ...` or `... do that, Priya?`"""
    for name in sorted(people, key=len, reverse=True):
        if re.search(rf"(?:^|[,.;:!?]\s+|\b(?:so|and|okay|then)\s+){re.escape(name)},", text, re.I):
            return name
        if re.search(rf",\s+{re.escape(name)}\s*[{SENTENCE_ENDS}]$", text):
            return name
    return None
