"""Omitted speech: a model may skip seconds of speech in the middle of a window and continue after them.

The word times show it in two ways. Either there is a long gap between two words, or the warp has stretched one word
over the gap. Both count only as far as voice activity detection found speech there.
"""

from __future__ import annotations

from collections.abc import Sequence

from schema.core.units import samples_of_s
from workers.asr.hypothesis import Word

UNHEARD_SAMPLES = samples_of_s(2)
"""Speech without words that lasts this long is more than a hesitation."""
WORD_LIMIT_SAMPLES = samples_of_s(2)
"""No word takes longer to say. A longer one was stretched over speech that the model skipped."""

Spans = Sequence[tuple[int, int]]


def passed_over(words: Sequence[Word], speech: Spans, first_sample: int) -> int | None:
    """The index of the first word that follows omitted speech or is stretched over it; None if there is no such word.

    *speech* lists the spans of speech. Only those after *first_sample* count.
    """
    position = first_sample
    for index, word in enumerate(words):
        before = overlap(speech, position, word.start_sample)
        stretched = overlap(speech, word.start_sample, word.end_sample) - WORD_LIMIT_SAMPLES
        if max(before, stretched) >= UNHEARD_SAMPLES:
            return index
        position = max(position, word.end_sample)
    return None


def overlap(speech: Spans, first_sample: int, end_sample: int) -> int:
    """The number of samples of *speech* in [*first_sample*, *end_sample*)."""
    return sum(max(0, min(end, end_sample) - max(first, first_sample)) for first, end in speech)
