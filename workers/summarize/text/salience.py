"""Chooses the sentences that represent a meeting: central in their words, and different from each other."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

from schema.core.sentences import is_question
from schema.core.words import count_words, letters, words
from workers.summarize.text.due import days
from workers.summarize.text.numbers import numbers
from workers.summarize.text.stems import content_stems

MIN_WORDS = 5
_LONG_WORDS = 35
_SPREAD = 0.6
_QUESTION = 0.4
_DANGLING_SHARE = 0.6
_SMALL_NUMBER = 12
_DANGLING = re.compile(r"^(?:it|they|this|that|these|those|both|he|she|them|his|her|which|because)\b", re.I)
"""A sentence that starts like this depends on the one before it."""


def pick(texts: Sequence[str], count: int, language: str) -> list[int]:
    """Indices of at most *count* central sentences of *texts* that differ from each other, in order."""
    return list(_picked(tuple(texts), count, language))


@lru_cache(maxsize=1024)
def _picked(texts: tuple[str, ...], count: int, language: str) -> tuple[int, ...]:
    """Chapters that are complete are picked from again with every update of the minutes, so results are kept."""
    terms = [_terms(text, language) for text in texts]
    weights = _weights(terms)
    scores = {at: _score(text, terms[at], weights) for at, text in enumerate(texts)}
    repeated = dict.fromkeys(scores, 0.0)
    chosen: list[int] = []
    while len(chosen) < count:
        gains = {at: score * (1 - _SPREAD * repeated[at]) for at, score in scores.items() if score > 0}
        if not gains:
            break
        best = max(gains, key=lambda at: gains[at])
        chosen.append(best)
        del scores[best]
        repeated = {at: max(repeated[at], overlap(terms[at], terms[best])) for at in scores}
    return tuple(sorted(chosen))


def _terms(text: str, language: str) -> frozenset[str]:
    """Stems of the content words of *text*, and its numbers. Small whole numbers say too little about the topic."""
    telling = (number for number in numbers(text, language) if not (number.isdigit() and int(number) <= _SMALL_NUMBER))
    return frozenset((*content_stems(text, language), *telling))


def _weights(documents: Sequence[frozenset[str]]) -> dict[str, float]:
    """The weight of each term. Frequent terms are the topic, except those in nearly every sentence."""
    seen = Counter(word for said in documents for word in said)
    return {word: math.log1p(count) * math.log((1 + len(documents)) / count) for word, count in seen.items()}


def _score(text: str, terms: frozenset[str], weights: dict[str, float]) -> float:
    length = count_words(text)
    if length < MIN_WORDS or len(terms) < 2:
        return 0.0
    score = sum(weights[term] for term in terms) / math.sqrt(max(length, MIN_WORDS))
    score *= _DANGLING_SHARE if _DANGLING.match(text) else 1.0
    score *= min(1.0, _LONG_WORDS / length)
    return score * (_QUESTION if is_question(text) else 1.0)


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """The share of the smaller set of stems that is also in the other, in [0, 1]."""
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0


def keywords(texts: Sequence[str], count: int, language: str) -> list[str]:
    """The *count* most frequent content words of *texts*, each in its first form. Days and months are left out."""
    seen: Counter[str] = Counter()
    written: dict[str, str] = {}
    for word in (word for text in texts for word in words(text) if len(letters(word)) > 2 and not days(word, language)):
        for found in content_stems(word, language):
            seen[found] += 1
            written.setdefault(found, word.lower())
    return [written[found] for found, _ in seen.most_common(count)]
