"""The words with which English speakers take the floor before they say anything."""

from __future__ import annotations

import re

_LEAD_IN = re.compile(
    r"^(?:(?:so|then|and|but|okay|ok|yes|yeah|yep|well|right|good|great|fine|sure|alright|all right|to sum up|"
    r"in summary|to recap|to summarize|to summarise|also|now|um|uh|no problem|of course|anyway|perfect|absolutely|"
    r"certainly|agreed|i think|i guess|i agree|exactly|no|hmm|oh|maybe|perhaps|as i said|finally)\b[,:.]?\s+)+",
    re.I,
)


def without_lead_in(text: str) -> str:
    """*text* without `okay, so then`. Empty when it is nothing else."""
    return _LEAD_IN.sub("", text)
