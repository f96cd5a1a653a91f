"""Turns spoken sentences into lines of minutes without changing their meaning."""

from __future__ import annotations

import re

from schema.core.sentences import SENTENCE_ENDS, has_end_mark
from schema.core.wire import ENGLISH
from workers.summarize.text.segment import Statement

_ALWAYS = (
    r"(?:so|then|and|but|okay|ok|yes|yeah|yep|well|sure|alright|all right|to sum up|in summary|to recap|to summarize"
    r"|to summarise|also|now|um|uh|of course|anyway|absolutely|certainly|exactly|hmm|oh"
    r"|as i said|finally)\b[,:.]?\s+"
)
# In `no, we meet` the first word is an answer. In `no one came` it belongs to the statement.
_APART = (
    r"(?:no|no problem|right|good|great|fine|perfect|agreed|i agree)\b"
    r"(?:[,:.]\s+|\s+(?=(?:so|then|and|but|i|we|let)\b))"
)
_OPINION = r"(?:i think|i guess)\b[,:.]?\s+"
_DOUBT = r"(?:maybe|perhaps)\b[,:.]?\s+"
_LEAD_IN = re.compile(rf"^(?:{_ALWAYS}|{_APART}|{_OPINION}|{_DOUBT})+", re.I)
_SURE_LEAD_IN = re.compile(rf"^(?:{_ALWAYS}|{_APART}|{_OPINION})+", re.I)


def without_lead_in(text: str) -> str:
    """*text* without a lead-in such as `okay, so then` or `maybe`. Empty if *text* is only a lead-in."""
    return _LEAD_IN.sub("", text)


def without_sure_lead_in(text: str) -> str:
    """Like `without_lead_in`, but keeps `maybe` and `perhaps`, so that doubt stays."""
    return _SURE_LEAD_IN.sub("", text)


_FILLER = re.compile(r"\b(?:um+|uh+|er+|hmm+|mm+|you know|I mean|sort of|kind of)\b,?\s*", re.I)
_BROKEN_OFF = re.compile(r"\b[\w'’]+-(?=\s|[.,;!?]|$)\s*")
_REPEATED = re.compile(r"\b([\w'’]+(?:\s+[\w'’]+)?)(?:,?\s+\1\b)+", re.I)
_TRAILING = re.compile(
    rf"(?:[\s,]+(?:and|or|but|so|to|the|a|an|of|I|we|because|that|if|is|with))+(?=[{SENTENCE_ENDS}]?$)", re.I
)
_FIRST_PERSON = re.compile(r"\b(?:I|I['’](?:m|ll|ve|d)|me|my|myself)\b")


def fluent(text: str) -> str:
    """*text* without hesitations, broken-off words, words repeated at once, and an unfinished clause at the end."""
    plain = _REPEATED.sub(r"\1", _BROKEN_OFF.sub("", _FILLER.sub("", text)))
    return " ".join(_TRAILING.sub("", plain).split())


def told(statement: Statement) -> str:
    """*statement* without hesitations and lead-in. If it has `I` or `my`, the speaker's name, if known, goes before."""
    plain = without_sure_lead_in(fluent(statement.text)).strip(" ,")
    if not plain:
        return statement.text
    plain = f"{plain[0].upper()}{plain[1:]}{'' if has_end_mark(plain) else '.'}"
    if statement.speaker and _FIRST_PERSON.search(plain):
        return f"{statement.speaker}: {plain}"
    return plain


_OTHER_LEAD_INS = {
    "de": (r"also|dann|und|na ja|naja|tja|ähm?|hm+|ach|nun", r"ja|jo|gut|okay|ok|so|klar|genau|passt|halt|mei|schön"),
    "fr": (r"alors|donc|et|ben|bah|euh|eh bien|enfin|du coup|hm+", r"bon|oui|ouais|voilà|d['’]accord|ok|bien|écoutez?"),
    "es": (r"pues|entonces|y|a ver|eh+|em+|o sea|hm+", r"bueno|vale|sí|claro|mira|venga|oye|ok|okey|listo"),
}
"""For each language words that begin a sentence without a meaning, and words that do so only before a mark."""
_OTHER_FILLERS = {"de": r"ähm?|öh|hm+", "fr": r"euh|hein|hm+", "es": r"eh+|em+|o sea|hm+"}
_LEAD_INS_OF = {
    code: re.compile(rf"^(?:(?:{always})\b[,:.]?\s+|(?:{apart})\b[,:.]\s+)+", re.I)
    for code, (always, apart) in _OTHER_LEAD_INS.items()
}
_FILLERS_OF = {code: re.compile(rf"(?:,\s*)?\b(?:{words})\b,?\s*", re.I) for code, words in _OTHER_FILLERS.items()}


def plainly(text: str, language: str) -> str:
    """*text* without lead-in and hesitations, in English, German, French and Spanish.

    A word said twice is left out in English only: `nous nous voyons` and `die, die` are no slips.
    """
    if language == ENGLISH:
        return without_sure_lead_in(fluent(text))
    if language not in _LEAD_INS_OF:
        return text
    plain = _BROKEN_OFF.sub("", _FILLERS_OF[language].sub(" ", text))
    return " ".join(_LEAD_INS_OF[language].sub("", plain.strip()).split())
