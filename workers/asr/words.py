"""From tokens to words: where each begins and ends in the audio, how sure the model is, what it looked at.

Times come from dynamic time warping over the alignment heads' cross-attention, as in openai/whisper's `timing.py`.
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
"""Positions of 20 ms over which attention is smoothed."""
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
"""Exchanges that leave the median of seven in the middle (Devillard 1998): a fraction of the cost of sorting."""
_PUNCTUATION = frozenset(string.punctuation + "。，！？：、…“”‘’«»¿¡。")


@dataclass(frozen=True, slots=True)
class TokenSpan:
    """Tokens [first, end) that make one word; those in [spoken_end, end) are punctuation behind it."""

    text: str
    first: int
    spoken_end: int
    end: int


def split_words(tokens: Sequence[int], vocabulary: Vocabulary, language: str) -> list[TokenSpan]:
    """Cut *tokens* into words; punctuation stays with the word before it. Raises nothing: broken bytes read U+FFFD."""
    spans: list[TokenSpan] = []
    for text, first, end in _characters(tokens, vocabulary):
        if spans and not _begins_word(text, spans[-1], language):
            spans[-1] = _joined(spans[-1], text, end)
        else:
            spans.append(TokenSpan(text, first, end, end))
    return spans


def _characters(tokens: Sequence[int], vocabulary: Vocabulary) -> list[tuple[str, int, int]]:
    """Shortest runs of tokens that end on a whole character: (text, first, end)."""
    pieces: list[tuple[str, int, int]] = []
    first, raw = 0, b""
    for index, token in enumerate(tokens):
        raw += vocabulary.bytes_of[token]
        try:
            pieces.append((raw.decode(), first, index + 1))
        except UnicodeDecodeError:  # in the middle of a character: the next token goes on with it
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
    """The position at which each token begins, (T,), from weights (T, A, S) of T tokens over S positions of audio."""
    return warp(-_sharpen(attention))


def _sharpen(attention: Floats) -> Floats:
    """Weights as one matrix (T, S): each position against its own mean over the tokens, smoothed, heads averaged."""
    spread = attention.std(axis=0, keepdims=True)
    standard = (attention - attention.mean(axis=0, keepdims=True)) / np.maximum(spread, 1e-9)
    mean: Floats = _median(standard).mean(axis=1)
    return mean


def _median(values: Floats) -> Floats:
    """Running median of MEDIAN_WIDTH over the last axis, edges mirrored."""
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
    """Monotonic path of least cost through (T, S) from corner to corner: the column at which each row is entered.

    A row of the usual recurrence D[i, j] = c[i, j] + min(D[i-1, j-1], D[i-1, j], D[i, j-1]) is a running minimum
    over the columns at which the path may enter the row, so each row takes a few vector operations.
    """
    rows, columns = cost.shape
    totals = np.empty((rows, columns))
    entries = np.empty((rows, columns), np.int64)
    above = np.full(columns, np.inf)
    above_left = np.concatenate(([0.0], above[:-1]))
    places = np.arange(columns)
    for row in range(rows):
        run = np.cumsum(cost[row], dtype=np.float64)
        offered = np.minimum(above, above_left) - (run - cost[row])
        best = np.minimum.accumulate(offered)
        entries[row] = np.maximum.accumulate(np.where(offered <= best, places, 0))
        totals[row] = above = best + run
        above_left = np.concatenate(([np.inf], above[:-1]))
    return _trace(totals, entries)


def _trace(totals: NDArray[np.float64], entries: NDArray[np.int64]) -> NDArray[np.int64]:
    rows, column = totals.shape[0], totals.shape[1] - 1
    starts = np.zeros(rows, np.int64)
    for row in range(rows - 1, -1, -1):
        column = starts[row] = entries[row, column]
        diagonal = row > 0 and column > 0 and totals[row - 1, column - 1] <= totals[row - 1, column]
        column -= int(diagonal)
    return starts


def attended_positions(attention: Floats) -> NDArray[np.int64]:
    """The position each token looked at most, (T,), the alignment heads of (T, A, S) taken together."""
    peaks: NDArray[np.int64] = attention.mean(axis=1).argmax(axis=-1)
    return peaks


def samples_of_position(position: int) -> int:
    """Where encoder *position* begins, in samples of the window."""
    return int(position) * POSITION_SAMPLES
