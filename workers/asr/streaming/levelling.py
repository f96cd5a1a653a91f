"""Levels the voices of a window, so that the model also reads a far voice beside a near one.

A model reads a voice that is quiet all through the window. If the window also holds a voice that is 25 to 30 dB louder,
as in a call, the model often skips the quiet one. So quiet speech is amplified until it is `BELOW_DB` below the loudest
speech of the window. A window with one voice stays as it is.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from schema.speech.foreground import FRAME_SAMPLES, FloatArray

QUIET_DB = 20.0
"""Speech this far below the loudest speech of the window is quiet. The sentences of one voice differ less."""
BELOW_DB = 15.0
GAIN_LIMIT = 30.0
_LEVEL_FRAMES = 5
_NEAR_FRAMES = 20
"""Quiet speech counts only if it is longer than twice this distance. Within one voice, soft
syllables and the ends of sentences are shorter."""
_MARGIN_FRAMES = 8
"""Nothing is amplified this close to louder speech, so the gain is 1 again before a near voice begins."""
_SMOOTH_FRAMES = 9
"""The gain is smoothed over so many frames, which reaches less far than the margin."""


def levelled(samples: NDArray[np.int16], speech: Sequence[tuple[int, int]]) -> NDArray[np.int16]:
    """*samples* (n,) with its quiet *speech* amplified. If there is none, *samples* itself."""
    gain = _gain(samples, speech) if speech else np.ones(1)
    if gain.max() == 1.0:
        return samples
    smooth = _running_mean(np.log(gain), _SMOOTH_FRAMES)
    middles = (np.arange(len(gain)) + 0.5) * FRAME_SAMPLES
    by_sample = np.exp(np.interp(np.arange(len(samples)), middles, smooth))
    return np.clip(np.rint(samples * by_sample), -32_768, 32_767).astype(np.int16)


def _gain(samples: NDArray[np.int16], speech: Sequence[tuple[int, int]]) -> FloatArray:
    """The gain of each frame, at least 1. It is 1 outside *speech*, so the noise of a room is not amplified there."""
    momentary = _momentary_level(samples)
    level = _lasting_level(momentary)
    spoken = np.zeros(len(level), np.bool_)
    for first, end in speech:
        spoken[first // FRAME_SAMPLES : -(-end // FRAME_SAMPLES)] = True
    loudest = momentary[spoken].max(initial=0.0)
    quiet = spoken & (level < loudest * 10 ** (-QUIET_DB / 20))
    wanted = loudest * 10 ** (-BELOW_DB / 20)
    gain: FloatArray = np.where(quiet, np.clip(wanted / np.maximum(level, 1.0), 1.0, GAIN_LIMIT), 1.0)
    return gain


def _momentary_level(samples: NDArray[np.int16]) -> FloatArray:
    """The RMS (n,) of *samples* around each frame, the last of which may be incomplete.

    Steady noise counts, so noisy speech is not amplified.
    """
    padded = np.zeros(-(-len(samples) // FRAME_SAMPLES) * FRAME_SAMPLES, np.float32)
    padded[: len(samples)] = samples
    power = np.square(padded).reshape(-1, FRAME_SAMPLES).mean(axis=1)
    level: FloatArray = np.sqrt(_running_mean(power, _LEVEL_FRAMES))
    return level


def _lasting_level(level: FloatArray) -> FloatArray:
    """*level* (n,) with its short dips filled, and those at the edges, which may be the ends of words.

    The largest value near each frame fills the dips. The smallest of those then gives back what is quiet for longer, up
    to the margin.
    """
    padded = np.pad(level, _NEAR_FRAMES, constant_values=np.inf)
    largest = np.lib.stride_tricks.sliding_window_view(padded, 2 * _NEAR_FRAMES + 1).max(axis=1)
    lasting: FloatArray = _near(largest, _NEAR_FRAMES - _MARGIN_FRAMES).min(axis=1)
    return lasting


def _near(values: FloatArray, distance: int) -> FloatArray:
    """The values (n, 2 * distance + 1) up to *distance* away from each of *values* (n,)."""
    padded = np.pad(values, distance, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * distance + 1)


def _running_mean(values: FloatArray, width: int) -> FloatArray:
    """The mean (n,) of *width* of *values* (n,) around each, an odd number."""
    mean: FloatArray = _near(values, width // 2).mean(axis=1)
    return mean
