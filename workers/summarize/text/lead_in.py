"""The words with which English speakers take the floor before they say anything."""

from __future__ import annotations

import re

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
