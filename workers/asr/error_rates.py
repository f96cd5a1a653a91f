"""Word and character error rates after Whisper's normaliser, as published figures are counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast


@dataclass(frozen=True, slots=True)
class Counts:
    """How often something was counted, and out of how many: errors out of the words of a reference, for example.

    Counts add up. The rate of a sum is not the mean of the rates.
    """

    counted: int
    total: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.counted + other.counted, self.total + other.total)

    @property
    def rate(self) -> float:
        """0.05 is 5 %. With a total of 0 the rate is 0, or 1 if anything was counted all the same."""
        return self.counted / self.total if self.total else float(self.counted > 0)


def rate(counts: Iterable[Counts]) -> float:
    """The rate over all of *counts*."""
    return sum(counts, Counts(0, 0)).rate


def word_error_rate(pairs: Iterable[tuple[str, str]], language: str = "en") -> float:
    """Errors per reference word over all (reference, hypothesis) *pairs*."""
    return rate(word_errors(reference, hypothesis, language) for reference, hypothesis in pairs)


def word_errors(reference: str, hypothesis: str, language: str = "en") -> Counts:
    """Words inserted, deleted or replaced, out of the words of *reference*. Both texts are normalised first."""
    import jiwer

    expected, actual = normalise(reference, language), normalise(hypothesis, language)
    if not expected:
        return Counts(len(actual.split()), 0)
    found = jiwer.process_words(expected, actual)
    return Counts(found.substitutions + found.deletions + found.insertions, len(expected.split()))


def character_errors(reference: str, hypothesis: str, language: str = "en") -> Counts:
    """Like `word_errors`, but in characters. Spaces between words count."""
    import jiwer

    expected, actual = normalise(reference, language), normalise(hypothesis, language)
    if not expected:
        return Counts(len(actual), 0)
    found = jiwer.process_characters(expected, actual)
    return Counts(found.substitutions + found.deletions + found.insertions, len(expected))


def normalise(text: str, language: str = "en") -> str:
    """*text* without case, punctuation and fillers. English numbers become digits, contractions are written out.

    `transformers` does not ship the table of British spellings, so *colour* instead of *color* counts as an error.
    """
    return _normaliser(language == "en")(text).strip()


@lru_cache(maxsize=2)
def _normaliser(english: bool) -> Callable[[str], str]:
    from transformers.models.whisper import english_normalizer

    made = english_normalizer.EnglishTextNormalizer({}) if english else english_normalizer.BasicTextNormalizer()  # type: ignore[no-untyped-call]
    return cast("Callable[[str], str]", made)
