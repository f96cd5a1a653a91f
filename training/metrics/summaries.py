"""Measures of a summary: ROUGE against a reference, and its support, novelty and length against the source.

ROUGE (C.-Y. Lin, 2004) is counted as Google's `rouge-score` does, in English and in other languages.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from schema.core.sentences import split_sentences
from schema.core.words import count_words, words
from workers.asr.error_rates import Counts
from workers.summarize.checking.evidence import Evidence

KINDS = ("rouge1", "rouge2", "rougeL", "rougeLsum")


@dataclass(frozen=True, slots=True)
class Rouge:
    """F1 in [0, 1] of unigrams, of bigrams, of the longest common subsequence, and of that by sentence."""

    r1: float
    r2: float
    l: float  # noqa: E741 - its usual name
    lsum: float


class WordTokenizer:
    """Lower-case words of any script. In scripts without spaces each character is a word. Nothing is stemmed.

    The package's own tokenizer knows only a to z, so it would find no words in a Russian text.
    """

    def tokenize(self, text: str) -> list[str]:
        return [word.lower() for word in words(text)]


def rouge(reference: str, summary: str, language: str = "en") -> Rouge:
    """F1 of *summary*. English words are stemmed (Porter), as in most papers; words of other languages are not."""
    found = _scorer(language == "en").score(_by_line(reference), _by_line(summary))
    return Rouge(*(float(found[kind].fmeasure) for kind in KINDS))


def _by_line(text: str) -> str:
    """One sentence per line, since Lsum treats each line as a sentence."""
    return "\n".join(split_sentences(text))


@lru_cache(maxsize=2)
def _scorer(english: bool) -> Any:
    from rouge_score.rouge_scorer import RougeScorer

    return RougeScorer(KINDS, use_stemmer=True) if english else RougeScorer(KINDS, tokenizer=WordTokenizer())


@dataclass(frozen=True, slots=True)
class Overlap:
    """`precision` is the share of named segments that people linked too, `recall` the share of linked segments that are
    named.
    """

    precision: Counts
    recall: Counts

    @property
    def f1(self) -> float:
        return 2 * self.precision.counted / max(self.precision.total + self.recall.total, 1)


def evidence_overlap(named: Collection[int], gold: Collection[int]) -> Overlap:
    """Compare the segments that a summary *named* as evidence with the *gold* links by people. Each counts once."""
    hits = len(set(named) & set(gold))
    return Overlap(Counts(hits, len(set(named))), Counts(hits, len(set(gold))))


def supported(summary: str, evidence: Evidence) -> Counts:
    """Sentences of *summary* that segments of *evidence* support, judged as in the minutes."""
    sentences = split_sentences(summary)
    return Counts(sum(evidence.check(sentence).supported for sentence in sentences), len(sentences))


def novelty(summary: str, source: str, n: int = 1) -> Counts:
    """N-grams of words in *summary* that *source* does not contain: 0 means copied, 1 entirely in other words."""
    in_source = set(_grams(source, n))
    in_summary = _grams(summary, n)
    return Counts(sum(gram not in in_source for gram in in_summary), len(in_summary))


def length_ratio(summary: str, reference: str) -> float:
    """Words of *summary* per word of *reference*."""
    return count_words(summary) / max(count_words(reference), 1)


def _grams(text: str, n: int) -> list[tuple[str, ...]]:
    tokens: Sequence[str] = [word.lower() for word in words(text)]
    return [tuple(tokens[at : at + n]) for at in range(len(tokens) - n + 1)]
