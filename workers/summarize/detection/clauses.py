"""Cuts lines of a meeting into clauses, and joins chosen clauses into a text that has only words of these lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from schema.core.sentences import SENTENCE_ENDS, split_sentences
from schema.core.words import count_words
from workers.summarize.text.disfluency import plainly
from workers.summarize.text.segment import SpokenSegment

_CUT = re.compile(
    r"[;:—–]\s+|\s[-–—]\s|,\s+|\s(?=(?:and|because|but|so|weil|und|aber|et|mais|parce que|pero|porque)\s)", re.I
)
_BOUND = re.compile(
    r"(?:and\s+|und\s+|et\s+|y\s+)?(?:if|unless|provided|as long as|so long as|until|once|when|except|but|not|no|than|"
    r"that|which|who|whether|wenn|falls|sofern|solange|bis|sobald|außer|aber|sondern|nicht|kein\w*|als|der|die|das|dass|"
    r"ob|si|sauf|à condition|tant que|jusqu\w*|dès|quand|mais|pas|que|qui|cuando|hasta|salvo|siempre que|a menos|pero|"
    r"sino)\b",
    re.I,
)
"""A clause that begins so limits or contradicts the one before it. Without it that one would say something else."""
_CONDITION = re.compile(r"(?:if|unless|when|wenn|falls|si|quand|cuando)\b", re.I)
_LEAST_WORDS = 4
_LEAST_WORDS_BETWEEN_MARKS = 3
"""After a colon, a semicolon or a dash, shorter clauses stand by themselves."""
_EDGES = " ,;:–—-"


@dataclass(frozen=True, slots=True)
class Clause:
    """Characters [first, end) of a sentence. `line` is the index of its line in the window."""

    line: int
    sentence_number: int
    sentence: str
    first: int
    end: int

    @property
    def text(self) -> str:
        return self.sentence[self.first : self.end].strip(_EDGES)


def clauses_of(window: Sequence[SpokenSegment], lines: Sequence[int]) -> list[Clause]:
    """The clauses of the *lines* of *window*, in their order."""
    return [
        Clause(line, number, sentence, first, end)
        for line in lines
        for number, sentence in enumerate(split_sentences(window[line].text))
        for first, end in _spans(sentence)
    ]


def _spans(sentence: str) -> Iterator[tuple[int, int]]:
    start = 0
    for cut in _CUT.finditer(sentence):
        if _may_part(sentence[start : cut.start()].strip(), sentence[cut.end() :], cut[0].strip()):
            yield start, cut.start()
            start = cut.end()
    yield start, len(sentence)


def _may_part(before: str, after: str, mark: str) -> bool:
    least = _LEAST_WORDS if mark in ("", ",") else _LEAST_WORDS_BETWEEN_MARKS
    if min(count_words(before), count_words(after)) < least:
        return False
    return not (_BOUND.match(after) or _CONDITION.match(before))


def joined(chosen: Sequence[Clause], language: str) -> str:
    """*chosen*, in their order, as sentences. Neighbours stand as they were said."""
    sentences = groupby(chosen, key=lambda clause: (clause.line, clause.sentence_number))
    told = (_told(list(clauses), language) for _, clauses in sentences)
    return " ".join(sentence for sentence in told if sentence)


def _told(clauses: Sequence[Clause], language: str) -> str:
    """Clauses of one sentence."""
    text = ""
    for before, clause in zip([None, *clauses], clauses, strict=False):
        between = clause.sentence[before.end : clause.first] if before else ""
        left_out = bool(between.strip(_EDGES))
        text += (", " if left_out else between) + clause.sentence[clause.first : clause.end]
    plain = plainly(text.strip(_EDGES), language).strip(_EDGES)
    if not plain:
        return ""
    return f"{plain[0].upper()}{plain[1:]}{'' if plain[-1] in SENTENCE_ENDS else '.'}"
