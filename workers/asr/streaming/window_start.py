"""Where the next window begins. Words before it become history, which is given to the model as its prompt."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np

from schema.core.sentences import ends_sentence
from schema.core.units import samples_of_s
from workers.asr.streaming.track import HISTORY_WORDS, StreamState


def begin_at(state: StreamState, position: int, window_first_sample: int | None = None) -> StreamState:
    """Commit everything before *position* and begin the next window there, without forced words.

    If silence stands before *position*, the window may begin in it, at *window_first_sample*.
    """
    history = (*state.history, *(word.text for word in state.prefix))[-HISTORY_WORDS:]
    first = position if window_first_sample is None else window_first_sample
    return StreamState(committed_sample=position, window_first_sample=first, history=history)


def begin_in_prefix(state: StreamState, position: int) -> StreamState:
    """Begin the next window at *position*, among the committed words. Those before it become history."""
    passed = tuple(word.text for word in state.prefix if word.end_sample <= position)
    return replace(
        state,
        window_first_sample=min(position, state.committed_sample),
        prefix=tuple(word for word in state.prefix if word.end_sample > position),
        history=(*state.history, *passed)[-HISTORY_WORDS:],
    )


def resting_place(state: StreamState, context_s: float) -> int:
    """A good place to begin the next window: between two committed words, about *context_s* before the open audio.

    Ends of sentences and long gaps are preferred, because the model reads a whole sentence better than half of one. If
    there is no such place, the window keeps its beginning.
    """
    latest = state.committed_sample - samples_of_s(context_s / 2)
    target = state.committed_sample - samples_of_s(context_s)
    best, best_score = state.window_first_sample, -np.inf
    for word, after in pairwise(state.prefix):
        if word.end_sample > latest:
            break
        ends = ends_sentence(word.text)
        gap_s = (after.start_sample - word.end_sample) / samples_of_s(1)
        distance_s = abs(word.end_sample - target) / samples_of_s(1)
        score = 4.0 * ends + 8.0 * min(gap_s, 1.0) - distance_s
        if score > best_score:
            best, best_score = (word.end_sample + after.start_sample) // 2, score
    return best
