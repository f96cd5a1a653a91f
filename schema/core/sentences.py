"""Finds the ends of sentences. Every word of the text is in exactly one sentence."""

from __future__ import annotations

import re
from itertools import pairwise

_WITH_SPACE = ".!?…．"
"""Marks that also occur inside words and numbers. They end a sentence only before white space or at the end."""
_ALONE = "。！？｡؟۔।॥։።፧፨။។៕།༎"
"""Marks of Chinese, Japanese, Arabic, Urdu, Devanagari, Armenian, Ethiopic, Burmese, Khmer and Tibetan."""
SENTENCE_ENDS = _WITH_SPACE + _ALONE
QUESTION_ENDS = "?？؟፧"
_CLOSERS = "\"'”’»«›)]）］」』】》〉"
"""Quotation marks and brackets after a mark belong to its sentence."""
# Thai and Lao have no mark for the end of a sentence: a space ends a clause. A space next to the signs of repetition
# and abbreviation does not.
_THAI_SPACE = r"(?<=[\u0e00-\u0eff])(?<![ๆໆฯ])\s+(?=[\u0e00-\u0eff])(?![ๆໆฯ])"
_END = re.compile(
    rf"[{_WITH_SPACE}]+[{re.escape(_CLOSERS)}]*(?=\s|$)"
    rf"|[{_ALONE}][{SENTENCE_ENDS}]*[{re.escape(_CLOSERS)}]*"
    rf"|{_THAI_SPACE}"
)
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|vs|etc|e\.g|i\.e|approx|inc|ltd|ca|bzw|z\.b)|\b[A-Z])\.$", re.IGNORECASE
)
_NUMBER_SIGN = re.compile(r"\b(?:no|nr)\.$", re.IGNORECASE)
_DIGIT = re.compile(r"\s*\d")
_LONGEST_ABBREVIATION = 12


def split_sentences(text: str) -> list[str]:
    """Split *text* into sentences with single spaces. Joined, they have all characters of *text* in order."""
    cuts = [0, *sentence_cuts(text), len(text)]
    pieces = (" ".join(text[first:end].split()) for first, end in pairwise(cuts))
    return [piece for piece in pieces if piece]


def sentence_cuts(text: str) -> list[int]:
    """The positions in *text* between two sentences."""
    ends = (match.end() for match in _END.finditer(text))
    return [end for end in ends if not _goes_on(text, end)]


def ends_sentence(text: str) -> bool:
    """Whether *text* ends a sentence, as far as its own characters can tell."""
    return has_end_mark(text) and not _is_abbreviation(_without_closers(text))


def has_end_mark(text: str) -> bool:
    """Whether *text* ends with an end mark, even if the mark belongs to an abbreviation."""
    return _without_closers(text).endswith(tuple(SENTENCE_ENDS))


def is_question(text: str) -> bool:
    """Whether the last sentence of *text* is a question."""
    return _without_closers(text).endswith(tuple(QUESTION_ENDS))


def whole_statements(text: str) -> str:
    """Return *text* up to the end of its last complete sentence that is not a question; empty if there is none."""
    ends = [match.end() for match in _END.finditer(text) if match[0].strip() and not is_question(match[0])]
    return text[: ends[-1]] if ends else ""


def _without_closers(text: str) -> str:
    return text.rstrip().rstrip(_CLOSERS)


def _goes_on(text: str, end: int) -> bool:
    before = text[max(0, end - _LONGEST_ABBREVIATION) : end]
    if _NUMBER_SIGN.search(before):
        return bool(_DIGIT.match(text, end))
    return _is_abbreviation(before)


def _is_abbreviation(text: str) -> bool:
    return bool(_ABBREVIATION.search(text)) and not text.endswith(" I.")
