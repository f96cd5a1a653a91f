"""Cuts the transcript into windows. Each window gets a note."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate

from schema.core.sentences import sentence_cuts
from schema.core.words import count_words, first_words, word_ends
from workers.summarize.text.segment import SpokenSegment

FLOOR_WORDS = 250
LIMIT_WORDS = 400


def next_window(
    segments: Sequence[SpokenSegment],
    *,
    floor_words: int = FLOOR_WORDS,
    limit_words: int = LIMIT_WORDS,
    final: bool = False,
) -> tuple[SpokenSegment, ...] | None:
    """The next window of *segments*, which are closed and have no note, cut at the longest pause past *floor_words*.

    None while fewer than *limit_words* wait. With *final* the rest is a window too, unless nothing is left.

    A window holds whole segments, so each segment belongs to one note. A segment that exceeds the limit by itself is a
    window of its own. It comes in pieces of whole sentences that share its id.
    """
    lengths = list(accumulate(count_words(segment.text) for segment in segments))
    if not segments or (not final and lengths[-1] < limit_words):
        return None
    if final and lengths[-1] <= limit_words + floor_words // 4:
        return _pieces(segments, limit_words)
    return _pieces(segments[: _cut(segments, lengths, floor_words, limit_words)], limit_words)


def windows_of(segments: Sequence[SpokenSegment]) -> Iterator[tuple[SpokenSegment, ...]]:
    """All windows of a meeting that has ended."""
    rest = list(segments)
    while window := next_window(rest, final=True):
        yield window
        taken = {segment.id for segment in window}
        rest = [segment for segment in rest if segment.id not in taken]


def _cut(segments: Sequence[SpokenSegment], lengths: list[int], floor_words: int, limit_words: int) -> int:
    """How many segments to take, at least one: up to the longest pause between floor and limit."""
    fitting = [count for count, length in enumerate(lengths, 1) if length <= limit_words]
    if not fitting:
        return 1
    choices = [count for count in fitting if lengths[count - 1] >= floor_words] or [fitting[-1]]
    return max(choices, key=lambda count: (_pause_samples(segments, count), count))


def _pause_samples(segments: Sequence[SpokenSegment], count: int) -> int:
    if count == len(segments):
        return 0
    return segments[count].first_sample - segments[count - 1].end_sample


def _pieces(segments: Sequence[SpokenSegment], limit_words: int) -> tuple[SpokenSegment, ...]:
    return tuple(piece for segment in segments for piece in split_segment(segment, limit_words))


def split_segment(segment: SpokenSegment, limit_words: int) -> list[SpokenSegment]:
    """*segment* itself, or if it is longer than *limit_words*, pieces of whole sentences with its id.

    A sentence longer than the limit is cut between words. Each piece gets a share of the time by its number of words.
    """
    if count_words(segment.text) <= limit_words:
        return [segment]
    return _timed(segment, list(_short_texts(segment.text.strip(), limit_words)))


def _short_texts(text: str, limit_words: int) -> Iterator[str]:
    while text:
        # As many whole sentences as fit; if not even one fits, as many words; at least one word.
        ends = [*sentence_cuts(text), len(text)]
        fitting = bisect_right(ends, limit_words, key=lambda end: count_words(text[:end]))
        end = ends[fitting - 1] if fitting else len(first_words(text, limit_words)) or word_ends(text)[0]
        yield text[:end].strip()
        text = text[end:].strip()


def _timed(segment: SpokenSegment, texts: list[str]) -> list[SpokenSegment]:
    ends = list(accumulate(count_words(text) for text in texts))
    length = segment.end_sample - segment.first_sample
    cuts = [segment.first_sample, *(segment.first_sample + length * end // ends[-1] for end in ends)]
    return [
        replace(segment, text=text, first_sample=first, end_sample=end)
        for text, first, end in zip(texts, cuts, cuts[1:], strict=False)
    ]
