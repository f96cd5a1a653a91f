"""Word and character error rates after Whisper's normaliser, as published figures are counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import jiwer


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted in a place, of how much: errors of a reference's words, hits of a summary's sentences.

    Counts of several places add up; their rate is that of the sum, not the mean of their rates.
    """

    counted: int
    total: int

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.counted + other.counted, self.total + other.total)

    @property
    def rate(self) -> float:
        """0.05 is 5 %. Of nothing at all it is 0, and 1 where something was counted in it."""
        return self.counted / self.total if self.total else float(self.counted > 0)


def word_errors(reference: str, hypothesis: str, language: str = "en") -> Counts:
    """The fewest words to insert, delete or replace, of the words of *reference*; both are normalised first."""
    wanted, got = normalise(reference, language), normalise(hypothesis, language)
    if not wanted:
        return Counts(len(got.split()), 0)
    found = jiwer.process_words(wanted, got)
    return Counts(found.substitutions + found.deletions + found.insertions, len(wanted.split()))


def character_errors(reference: str, hypothesis: str, language: str = "en") -> Counts:
    """As `word_errors`, in characters; the spaces between words count."""
    wanted, got = normalise(reference, language), normalise(hypothesis, language)
    if not wanted:
        return Counts(len(got), 0)
    found = jiwer.process_characters(wanted, got)
    return Counts(found.substitutions + found.deletions + found.insertions, len(wanted))


def rate(counts: Iterable[Counts]) -> float:
    """The rate over all of *counts*."""
    return sum(counts, Counts(0, 0)).rate


def normalise(text: str, language: str = "en") -> str:
    """*text* without case, punctuation and fillers; English numbers in digits, contractions written out.

    The table of British spellings is not part of `transformers`, so *colour* for *color* is an error.
    """
    return _normaliser(language == "en")(text).strip()


@lru_cache(maxsize=2)
def _normaliser(english: bool) -> Callable[[str], str]:
    from transformers.models.whisper import english_normalizer

    made = english_normalizer.EnglishTextNormalizer({}) if english else english_normalizer.BasicTextNormalizer()  # type: ignore[no-untyped-call]
    return cast("Callable[[str], str]", made)
