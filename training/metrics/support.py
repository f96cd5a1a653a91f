"""Whether a summary rests on its source: evidence, support, novelty, length."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from training.metrics.errors import Counts
from workers.summarize.checking.evidence import Evidence
from workers.summarize.text.sentences import split_sentences
from workers.summarize.text.words import count_words, words


@dataclass(frozen=True, slots=True)
class Overlap:
    """`precision` is the share of the segments named that people linked too, `recall` that of the linked ones named."""

    precision: Counts
    recall: Counts

    @property
    def f1(self) -> float:
        return 2 * self.precision.counted / max(self.precision.total + self.recall.total, 1)


def evidence_overlap(named: Collection[int], gold: Collection[int]) -> Overlap:
    """Segments that a summary *named* as its evidence against the *gold* links of people, each counted once."""
    hits = len(set(named) & set(gold))
    return Overlap(Counts(hits, len(set(named))), Counts(hits, len(set(gold))))


def supported(summary: str, evidence: Evidence) -> Counts:
    """Sentences of *summary* that some segments of *evidence* carry, by the measure that the minutes show."""
    sentences = split_sentences(summary)
    return Counts(sum(evidence.check(sentence).supported for sentence in sentences), len(sentences))


def novelty(summary: str, source: str, n: int = 1) -> Counts:
    """N-grams of words of *summary* that *source* does not hold: 0 is copied, 1 is all in other words."""
    said = set(_grams(source, n))
    written = _grams(summary, n)
    return Counts(sum(gram not in said for gram in written), len(written))


def length_ratio(summary: str, reference: str) -> float:
    """Words of *summary* for each word of *reference*."""
    return count_words(summary) / max(count_words(reference), 1)


def _grams(text: str, n: int) -> list[tuple[str, ...]]:
    tokens: Sequence[str] = [word.lower() for word in words(text)]
    return [tuple(tokens[at : at + n]) for at in range(len(tokens) - n + 1)]
