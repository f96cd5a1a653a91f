"""Transcripts as lines, each with its speaker."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby

from schema.core.units import samples_of_s
from schema.core.words import count_words
from workers.summarize.text.segment import SpokenSegment

WORDS_PER_S = 2.5
"""The rate of speech that is assumed where words have no times."""
_NAMED = re.compile(r"([^:\n]{1,100}):(?:\s+(.*))?")
NumberedLine = tuple[int, str | None, str]
"""Number, speaker, words."""


def transcript_segments(text: str) -> list[SpokenSegment]:
    """The lines of *text* as segments. A segment's id is its line number, from 0.

    "Anna: yes." is spoken by Anna if every line up to the next blank one has that form. So a colon in a text without
    speakers does not name one.
    """
    segments: list[SpokenSegment] = []
    first = 0
    for number, speaker, words in _lines(text):
        end = first + samples_of_s(count_words(words) / WORDS_PER_S)
        segments.append(SpokenSegment(number, speaker, first, end, words))
        first = end
    return segments


def _lines(text: str) -> Iterator[NumberedLine]:
    lines = enumerate(line.strip() for line in text.splitlines())
    for filled, block in groupby(lines, key=lambda line: bool(line[1])):
        if filled:
            yield from (line for line in _named(list(block)) if line[2])


def _named(block: Sequence[tuple[int, str]]) -> Iterator[NumberedLine]:
    matches = [_NAMED.fullmatch(line) for _, line in block]
    for (number, line), match in zip(block, matches, strict=True):
        if match is None or not all(matches):
            yield number, None, line
        else:
            yield number, match[1], match[2] or ""
