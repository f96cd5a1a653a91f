"""Checks a trained model's claims that something was decided.

Such a model knows how minutes sound, so it reports topics as decided that were only discussed. Support from the
transcript does not show the difference, since the words were said in both cases. The phrases with which people decide
do. A claim stays if it rests on a segment in which somebody decides. Otherwise it is reworded as a discussion, or
dropped.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from schema.minutes.minutes import Sentence
from workers.summarize.checking.evidence import Evidence
from workers.summarize.writing.note_format import LineKind

_CLAIM = re.compile(r"\b(?:decided|agreed(?!\s+with))\b", re.I)
# Matches `it was agreed to wait`, but not `the budget was agreed to be too small`.
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
    """*sentence* as minutes may state it, or None. *deciding* are the segments in which somebody decides.

    These segments alone must support the claim of a decision. They then become its evidence.
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
    """*text* with `discussed whether to` for `decided to` and the like. None if a claim of a decision remains."""
    for pattern, put in _AS_DISCUSSED:
        text = pattern.sub(put, text)
    return None if _CLAIM.search(text) else text
