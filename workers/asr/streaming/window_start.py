"""Where the next window begins, and which words go with it: those before it become history."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from schema.core.units import samples_of_s
from workers.asr.streaming.track import HISTORY_WORDS, StreamState


def begin_at(state: StreamState, position: int) -> StreamState:
    """Everything before *position* is committed, and the next window begins there, without words of its own."""
    history = (*state.history, *(word.text for word in state.prefix))[-HISTORY_WORDS:]
    return StreamState(committed_sample=position, window_first_sample=position, history=history)


def begin_in_prefix(state: StreamState, position: int) -> StreamState:
    """The next window begins at *position*, among the committed words: those before it become history."""
    left = tuple(word.text for word in state.prefix if word.end_sample <= position)
    return replace(
        state,
        window_first_sample=min(position, state.committed_sample),
        prefix=tuple(word for word in state.prefix if word.end_sample > position),
        history=(*state.history, *left)[-HISTORY_WORDS:],
    )


def resting_place(state: StreamState, context_s: float) -> int:
    """The end of a sentence or the longest gap between committed words about *context_s* before what is open."""
    latest = state.committed_sample - samples_of_s(context_s / 2)
    target = state.committed_sample - samples_of_s(context_s)
    best, best_score = state.window_first_sample, -np.inf
    for word, after in pairwise(state.prefix):
        if word.end_sample > latest:
            break
        ends = word.text.rstrip("\"'”’)").endswith((".", "?", "!", "。", "？", "！"))
        gap_s = (after.start_sample - word.end_sample) / samples_of_s(1)
        distance_s = abs(word.end_sample - target) / samples_of_s(1)
        score = 4.0 * ends + 8.0 * min(gap_s, 1.0) - distance_s
        if score > best_score:
            best, best_score = (word.end_sample + after.start_sample) // 2, score
    return best
