"""Put what was said into a line of minutes without changing what it says."""

from __future__ import annotations

import re

from workers.summarize.text.lead_in import without_sure_lead_in
from workers.summarize.text.segment import Statement

_FILLER = re.compile(r"\b(?:um+|uh+|er+|hmm+|mm+|you know|I mean|sort of|kind of)\b,?\s*", re.I)
_BROKEN_OFF = re.compile(r"\b[\w'’]+-(?=\s|[.,;!?]|$)\s*")
_REPEATED = re.compile(r"\b([\w'’]+(?:\s+[\w'’]+)?)(?:,?\s+\1\b)+", re.I)
_TRAILING = re.compile(r"(?:[\s,]+(?:and|or|but|so|to|the|a|an|of|I|we|because|that|if|is|with))+(?=[.!?]?$)", re.I)
_ENDS = ".!?…。！？"
_FIRST_PERSON = re.compile(r"\b(?:I|I['’](?:m|ll|ve|d)|me|my|myself)\b")


def fluent(text: str) -> str:
    """*text* without hesitations, words broken off, words said twice in a row, and a start of more that never came."""
    plain = _REPEATED.sub(r"\1", _BROKEN_OFF.sub("", _FILLER.sub("", text)))
    return " ".join(_TRAILING.sub("", plain).split())


def told(statement: Statement) -> str:
    """*statement* without hesitation and lead-in. With a known speaker the first person is marked as theirs."""
    plain = without_sure_lead_in(fluent(statement.text)).strip(" ,")
    if not plain:
        return statement.text
    plain = f"{plain[0].upper()}{plain[1:]}{'' if plain[-1] in _ENDS else '.'}"
    if statement.speaker and _FIRST_PERSON.search(plain):
        return f"{statement.speaker}: {plain}"
    return plain
