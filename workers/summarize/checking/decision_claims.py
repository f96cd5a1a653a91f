"""`They decided`, as a trained model writes it, stands where somebody is heard deciding, else it is told as discussed.

Such a model knows how minutes sound, and says of what was only talked about that it was decided. That its words were
said does not tell the two apart; how people put it who decide does.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from schema.meetings.minutes import Sentence
from workers.summarize.checking.evidence import Evidence
from workers.summarize.writing.note_format import LineKind

_CLAIM = re.compile(r"\b(?:decided|agreed(?!\s+with))\b", re.I)
# `It was agreed to wait`, but not `the budget was agreed to be too small`.
_ACTIVE = r"(?:(?<!\bwas )(?<!\bwere )(?<!\bbeen )|(?<=\bit was ))"
_VERB = r"\b(?:decided|agreed)(?:\s+(?:also|finally|instead|then|together))?\s+"
_AS_DISCUSSED = (
    (re.compile(rf"{_ACTIVE}{_VERB}(?:not\s+to|to(?:\s+not)?)\b", re.I), "discussed whether to"),
    (re.compile(rf"{_VERB}that\b", re.I), "discussed whether"),
    (re.compile(rf"{_VERB}(?:on|upon|about|for|against)\b", re.I), "discussed"),
    (re.compile(rf"{_VERB}(?=(?:how|what|which|when|where|whether|who)\b)", re.I), "discussed "),
)


def as_heard(
    kind: LineKind, sentence: Sentence, evidence: Evidence, deciding: Collection[int]
) -> tuple[LineKind, Sentence] | None:
    """*sentence* as it may stand, None if not at all. *deciding* are the segments in which somebody decides.

    What is called decided has to be carried by those alone, and they are its evidence then.
    """
    if kind is not LineKind.DECISION and not _CLAIM.search(sentence.text):
        return kind, sentence
    carried = evidence.check(sentence.text, tuple(deciding))
    if carried.supported:
        return kind, carried
    text = as_discussed(sentence.text)
    if text is None:
        return None
    discussed = evidence.check(text, sentence.evidence)
    return (LineKind.POINT, discussed) if discussed.supported else None


def as_discussed(text: str) -> str | None:
    """*text* with `discussed whether to` for `decided to`; None where it cannot be put so."""
    for pattern, put in _AS_DISCUSSED:
        text = pattern.sub(put, text)
    return None if _CLAIM.search(text) else text
