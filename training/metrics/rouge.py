"""ROUGE (C.-Y. Lin, 2004), as Google's `rouge-score` counts it, in English and in other languages."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from workers.summarize.text.sentences import split_sentences
from workers.summarize.text.words import words

KINDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")


@dataclass(frozen=True, slots=True)
class Rouge:
    """F1 of unigrams, bigrams, the longest common subsequence, and that sentence by sentence. In [0, 1]."""

    r1: float
    r2: float
    l: float  # noqa: E741 - its name
    lsum: float


class WordTokenizer:
    """Words of any script in lower case; each character of a script without spaces is a word. Nothing is stemmed.

    The package's own tokenizer knows a to z only, so that a Russian text would have no words at all.
    """

    def tokenize(self, text: str) -> list[str]:
        return [word.lower() for word in words(text)]


def rouge(reference: str, summary: str, language: str = "en") -> Rouge:
    """F1 of *summary*. English words are stemmed (Porter), as most papers do; those of other languages are not."""
    found = _scorer(language == "en").score(_by_line(reference), _by_line(summary))
    return Rouge(*(float(found[kind].fmeasure) for kind in KINDS))


def _by_line(text: str) -> str:
    """Lsum takes each line for a sentence."""
    return "\n".join(split_sentences(text))


@lru_cache(maxsize=2)
def _scorer(english: bool) -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(KINDS, use_stemmer=True) if english else RougeScorer(KINDS, tokenizer=WordTokenizer())
