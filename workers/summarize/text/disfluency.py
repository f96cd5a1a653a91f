"""Put what was said into a line of minutes without changing what it says."""

from __future__ import annotations

import re

from schema.core.sentences import SENTENCE_ENDS, has_end_mark
from workers.summarize.text.segment import Statement

_ALWAYS = (
    r"(?:so|then|and|but|okay|ok|yes|yeah|yep|well|sure|alright|all right|to sum up|in summary|to recap|to summarize"
    r"|to summarise|also|now|um|uh|of course|anyway|absolutely|certainly|exactly|hmm|oh"
    r"|as i said|finally)\b[,:.]?\s+"
)
# `No, we meet` begins with an answer, `no one came` with what it says.
_APART = (
    r"(?:no|no problem|right|good|great|fine|perfect|agreed|i agree)\b"
    r"(?:[,:.]\s+|\s+(?=(?:so|then|and|but|i|we|let)\b))"
)
_OPINION = r"(?:i think|i guess)\b[,:.]?\s+"
_DOUBT = r"(?:maybe|perhaps)\b[,:.]?\s+"
_LEAD_IN = re.compile(rf"^(?:{_ALWAYS}|{_APART}|{_OPINION}|{_DOUBT})+", re.I)
_SURE_LEAD_IN = re.compile(rf"^(?:{_ALWAYS}|{_APART}|{_OPINION})+", re.I)


def without_lead_in(text: str) -> str:
    """*text* without `okay, so then`, and without `maybe`. Empty when it is nothing else."""
    return _LEAD_IN.sub("", text)


def without_sure_lead_in(text: str) -> str:
    """As `without_lead_in`, but what begins with `maybe` stays uncertain."""
    return _SURE_LEAD_IN.sub("", text)


_FILLER = re.compile(r"\b(?:um+|uh+|er+|hmm+|mm+|you know|I mean|sort of|kind of)\b,?\s*", re.I)
_BROKEN_OFF = re.compile(r"\b[\w'’]+-(?=\s|[.,;!?]|$)\s*")
_REPEATED = re.compile(r"\b([\w'’]+(?:\s+[\w'’]+)?)(?:,?\s+\1\b)+", re.I)
_TRAILING = re.compile(
    rf"(?:[\s,]+(?:and|or|but|so|to|the|a|an|of|I|we|because|that|if|is|with))+(?=[{SENTENCE_ENDS}]?$)", re.I
)
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
    plain = f"{plain[0].upper()}{plain[1:]}{'' if has_end_mark(plain) else '.'}"
    if statement.speaker and _FIRST_PERSON.search(plain):
        return f"{statement.speaker}: {plain}"
    return plain
