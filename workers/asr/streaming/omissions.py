"""Speech that a reading passes over: a model may skip seconds in the middle of a window and go on behind them."""

from __future__ import annotations

from collections.abc import Sequence

from schema.core.units import samples_of_s
from workers.asr.hypothesis import Word

UNHEARD_SAMPLES = samples_of_s(2)
"""So much speech without a word is more than a hesitation."""
WORD_LIMIT_SAMPLES = samples_of_s(2)
"""Nobody takes longer for a word: the warp stretches a word over what the model skipped."""

Spans = Sequence[tuple[int, int]]


def passed_over(words: Sequence[Word], speech: Spans, first_sample: int) -> int | None:
    """The place of the first word that stands behind or over speech without a word, from *first_sample* on."""
    position = first_sample
    for place, word in enumerate(words):
        before = overlap(speech, position, word.start_sample)
        under = overlap(speech, word.start_sample, word.end_sample) - WORD_LIMIT_SAMPLES
        if max(before, under) >= UNHEARD_SAMPLES:
            return place
        position = max(position, word.end_sample)
    return None


def overlap(speech: Spans, first_sample: int, end_sample: int) -> int:
    """Samples of *speech* in [*first_sample*, *end_sample*)."""
    return sum(max(0, min(end, end_sample) - max(first, first_sample)) for first, end in speech)
