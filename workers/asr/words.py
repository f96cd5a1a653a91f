"""Words from tokens, and the times of words from attention.

Some decoder heads attend to the audio of the token that they predict. Dynamic time warping finds the path through their
attention on which tokens follow each other in time, as in `timing.py` of openai/whisper. The path covers the whole
audio, so it stretches words over pauses and over speech that the model skipped. No token near the path attends to that
audio, which shows where it lies.

Legend: T tokens, S encoder positions of the audio, A alignment heads.
"""

from __future__ import annotations

import string
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.asr.context import POSITION_SAMPLES
from workers.asr.vocabulary import UNSPACED_LANGUAGES, Vocabulary

Floats = NDArray[np.float32]

MEDIAN_WIDTH = 7
"""Width of the median filter over attention, in positions of 20 ms."""
_MEDIAN_NETWORK = (
    (0, 5),
    (0, 3),
    (1, 6),
    (2, 4),
    (0, 1),
    (3, 5),
    (2, 6),
    (2, 3),
    (3, 6),
    (4, 5),
    (1, 4),
    (1, 3),
    (3, 4),
)
"""Compare-and-swap steps that put the median of seven values in the middle (Devillard 1998), much faster than
sorting."""
READ_POSITIONS = 21
"""Attention is added up over this much audio, 0.42 s, which is about one word."""
READ_LIMIT = 0.1
"""Audio with less attention was not read. Usual speech draws 1.0, slow speech 0.6, and skipped speech 0.01 to 0.05."""
SHORTEST_UNREAD = 10
"""Shorter runs of positions lie within a word."""
MARKS = string.punctuation + "。，！？：、…“”‘’«»¿¡。"
_PUNCTUATION = frozenset(MARKS)


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """Tokens [first, end) that make one word. Those in [spoken_end, end) are the punctuation after it."""

    text: str
    first: int
    spoken_end: int
    end: int


def split_words(tokens: Sequence[int], vocabulary: Vocabulary, language: str) -> list[TokenSpan]:
    """Divide *tokens* into words. Punctuation stays with the word before it. Incomplete characters become U+FFFD."""
    spans: list[TokenSpan] = []
    for text, first, end in _characters(tokens, vocabulary):
        if spans and not _begins_word(text, spans[-1], language):
            spans[-1] = _joined(spans[-1], text, end)
        else:
            spans.append(TokenSpan(text, first, end, end))
    return spans


def _characters(tokens: Sequence[int], vocabulary: Vocabulary) -> list[tuple[str, int, int]]:
    """Divide *tokens* into the shortest parts [first, end) that end with a complete character: (text, first, end)."""
    pieces: list[tuple[str, int, int]] = []
    first, raw = 0, b""
    for index, token in enumerate(tokens):
        raw += vocabulary.bytes_of[token]
        try:
            pieces.append((raw.decode(), first, index + 1))
        except UnicodeDecodeError:  # the next token completes this character
            continue
        first, raw = index + 1, b""
    if raw:
        pieces.append((raw.decode(errors="replace"), first, len(tokens)))
    return pieces


def _begins_word(text: str, before: TokenSpan, language: str) -> bool:
    if _is_punctuation(text):
        return text.startswith(" ") and text.strip() in {"-", "(", "[", '"', "'", "“", "¿", "¡", "&"}
    opened = _is_punctuation(before.text)
    return not opened and (text.startswith(" ") or language in UNSPACED_LANGUAGES)


def _is_punctuation(text: str) -> bool:
    return all(character in _PUNCTUATION for character in text.strip())


def _joined(span: TokenSpan, text: str, end: int) -> TokenSpan:
    spoken = span.spoken_end if _is_punctuation(text) and not _is_punctuation(span.text) else end
    return TokenSpan(span.text + text, span.first, spoken, end)


def token_starts(attention: Floats) -> NDArray[np.int64]:
    """The encoder position at which each token begins, (T,), from attention weights (T, A, S)."""
    return warp(-_sharpen(attention))


def _sharpen(attention: Floats) -> Floats:
    """Weights (T, A, S) as one matrix (T, S): normalised over the tokens, smoothed over time, averaged over the heads.

    Some positions draw attention from every token. Normalising each position over the tokens takes that away.
    """
    spread = attention.std(axis=0, keepdims=True)
    standard = (attention - attention.mean(axis=0, keepdims=True)) / np.maximum(spread, 1e-9)
    mean: Floats = _median(standard).mean(axis=1)
    return mean


def _median(values: Floats) -> Floats:
    """Running median of width MEDIAN_WIDTH over the last axis, with mirrored edges."""
    half = MEDIAN_WIDTH // 2
    if values.shape[-1] <= half:
        return values
    padded = np.pad(values, [(0, 0)] * (values.ndim - 1) + [(half, half)], mode="reflect")
    size = values.shape[-1]
    lanes = [padded[..., shift : shift + size] for shift in range(MEDIAN_WIDTH)]
    for low, high in _MEDIAN_NETWORK:
        lanes[low], lanes[high] = np.minimum(lanes[low], lanes[high]), np.maximum(lanes[low], lanes[high])
    return lanes[half]


def warp(cost: Floats) -> NDArray[np.int64]:
    """The columns (T,) at which the cheapest monotonic path from corner to corner of *cost* (T, S) enters each row.

    The recurrence is D[i, j] = c[i, j] + min(D[i-1, j-1], D[i-1, j], D[i, j-1]), which a loop over all cells would
    compute too slowly. A path that enters row i at column e and goes to j costs min(D[i-1, e-1], D[i-1, e]) plus the
    sum of c[i, e..j]. That sum is a difference of two cumulative sums, so D[i, j] is a running minimum over e, and each
    row takes a few vector operations.
    """
    rows, columns = cost.shape
    totals = np.empty((rows, columns))
    entries = np.empty((rows, columns), np.int64)
    above = np.full(columns, np.inf)
    above_left = np.concatenate(([0.0], above[:-1]))
    numbers = np.arange(columns)
    for row in range(rows):
        summed = np.cumsum(cost[row], dtype=np.float64)
        entering = np.minimum(above, above_left) - (summed - cost[row])
        best = np.minimum.accumulate(entering)
        entries[row] = np.maximum.accumulate(np.where(entering <= best, numbers, 0))
        totals[row] = above = best + summed
        above_left = np.concatenate(([np.inf], above[:-1]))
    return _trace(totals, entries)


def _trace(totals: NDArray[np.float64], entries: NDArray[np.int64]) -> NDArray[np.int64]:
    """Follow the path back from the last corner. *entries* (T, S) is where a path to each cell enters the cell's
    row."""
    rows, column = totals.shape[0], totals.shape[1] - 1
    starts = np.zeros(rows, np.int64)
    for row in range(rows - 1, -1, -1):
        column = starts[row] = entries[row, column]
        diagonal = row > 0 and column > 0 and totals[row - 1, column - 1] <= totals[row - 1, column]
        column -= int(diagonal)
    return starts


def unread_positions(attention: Floats, starts: NDArray[np.int64], spoken: int) -> list[tuple[int, int]]:
    """The runs [first, end) of positions that no token reads, from weights (T, A, S) and the tokens' *starts* (T,).

    A token counts only near its place on the path, because some positions draw a little attention from every token.
    Only the first *spoken* tokens can read. The marks after the last word and the end of the text look at what follows
    that word, which may be speech that the model skips.
    """
    tokens, _, positions = attention.shape
    path = np.searchsorted(starts, np.arange(positions), side="right") - 1
    near = np.abs(np.arange(tokens)[:, None] - path) <= 1
    near[spoken:] = False
    drawn = (attention.mean(axis=1) * near).sum(axis=0)
    summed = np.convolve(drawn, np.ones(READ_POSITIONS))[READ_POSITIONS // 2 :][:positions]
    edges = np.flatnonzero(np.diff(np.concatenate(([False], summed < READ_LIMIT, [False])).astype(np.int8)))
    runs = zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    return [(first, end) for first, end in runs if end - first >= SHORTEST_UNREAD]


def read_part(first: int, end: int, peak: int, unread: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The part of a word's positions [*first*, *end*) that lies outside the *unread* runs: if there are several, the
    one with its *peak* of attention. A word that was read nowhere keeps at most READ_POSITIONS.
    """
    for run_first, run_end in unread:
        if run_first <= first and end <= run_end:
            return first, min(end, first + READ_POSITIONS)
        if run_first <= first < run_end:
            first = run_end
        elif first < run_first < end:
            if end <= run_end or peak < run_end:
                return first, run_first
            first = run_end
    return first, end


def with_rests(
    unread: Sequence[tuple[int, int]], words: Sequence[tuple[int, int]], parts: Sequence[tuple[int, int]]
) -> list[tuple[int, int]]:
    """The *unread* runs, and what the *words* of the path hold outside of the *parts* that they were read from.

    A token attends a little to all audio that the path gives to it. So a run of skipped speech before the first word
    seems read at its beginning.
    """
    rests = [
        rest
        for (first, end), (part_first, part_end) in zip(words, parts, strict=True)
        for rest in ((first, part_first), (part_end, end))
        if rest[0] < rest[1]
    ]
    runs: list[tuple[int, int]] = []
    for first, end in sorted((*unread, *rests)):
        if runs and first <= runs[-1][1]:
            runs[-1] = runs[-1][0], max(end, runs[-1][1])
        else:
            runs.append((first, end))
    return runs


def attended_positions(attention: Floats) -> NDArray[np.int64]:
    """The position that each token attends to most, (T,), from weights (T, A, S) averaged over the heads."""
    peaks: NDArray[np.int64] = attention.mean(axis=1).argmax(axis=-1)
    return peaks


def samples_of_position(position: int) -> int:
    """The first sample of encoder *position*, counted from the start of the window."""
    return int(position) * POSITION_SAMPLES
