"""Which sentences carry a meeting: central in their words, and spread over what was said."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence

from workers.summarize.text.due import days
from workers.summarize.text.numbers import numbers
from workers.summarize.text.words import content_stems, count_words, words

MIN_WORDS = 5
_LONG_WORDS = 35
_SPREAD = 0.6
_QUESTION = 0.4
_FACT_BONUS = 0.15
_DANGLING_SHARE = 0.6
_DANGLING = re.compile(r"^(?:it|they|this|that|these|those|both|he|she|them|his|her|which|because)\b", re.I)
"""How a sentence starts that leans on the one before."""


def pick(texts: Sequence[str], count: int) -> list[int]:
    """Indices of at most *count* central sentences of *texts*, in order, little alike. Any language."""
    stems = [frozenset(content_stems(text)) for text in texts]
    weights = _weights(stems)
    scores = [_score(text, said, weights) for text, said in zip(texts, stems, strict=True)]
    chosen: list[int] = []
    while len(chosen) < count:
        gains = {
            at: score - _SPREAD * score * max((overlap(stems[at], stems[other]) for other in chosen), default=0.0)
            for at, score in enumerate(scores)
            if at not in chosen and score > 0
        }
        if not gains:
            break
        chosen.append(max(gains, key=lambda at: gains[at]))
    return sorted(chosen)


def _weights(documents: Sequence[frozenset[str]]) -> dict[str, float]:
    """What comes up often is what it is about, up to what nearly every sentence has."""
    seen = Counter(word for said in documents for word in said)
    return {word: math.log1p(count) * math.log((1 + len(documents)) / count) for word, count in seen.items()}


def _score(text: str, stems: frozenset[str], weights: dict[str, float]) -> float:
    length = count_words(text)
    if length < MIN_WORDS or len(stems) < 2:
        return 0.0
    score = sum(weights[word] for word in stems) / math.sqrt(max(length, MIN_WORDS))
    score *= 1 + _FACT_BONUS * bool(numbers(text) or days(text))
    score *= _DANGLING_SHARE if _DANGLING.match(text) else 1.0
    score *= min(1.0, _LONG_WORDS / length)
    return score * (_QUESTION if text.endswith("?") else 1.0)


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared stems over those of the shorter, in [0, 1]."""
    return len(one & other) / min(len(one), len(other)) if one and other else 0.0


def keywords(texts: Sequence[str], count: int) -> list[str]:
    """The *count* commonest content words of *texts* as they were first written, without names of days."""
    seen: Counter[str] = Counter()
    written: dict[str, str] = {}
    for word in (word for text in texts for word in words(text) if len(word) > 2 and not days(word)):
        for found in content_stems(word):
            seen[found] += 1
            written.setdefault(found, word.lower())
    return [written[found] for found, _ in seen.most_common(count)]
