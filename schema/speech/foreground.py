"""Separates the foreground of audio from steady noise: hum, tones, fans, hiss.

Noise is steady at a frequency if it stays there for a second. Speech does not: at each frequency it falls silent
several times a second. So the lowest magnitude within a second is the noise floor (Martin 2001, "Noise power spectral
density estimation based on optimal smoothing and minimum statistics").

The result depends on the given samples alone. No state is kept, so every worker finds the same foreground.

Legend: T frames, S = T + 1 spectra, F frequencies, B bands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schema.core.units import SAMPLE_RATE_HZ, samples_of_ms

FloatArray = NDArray[np.floating[Any]]

FRAME_MS = 30
FRAME_SAMPLES = samples_of_ms(FRAME_MS)
_FFT_SAMPLES = 2 * FRAME_SAMPLES
_HANN = np.hanning(_FFT_SAMPLES + 1)[:-1].astype(np.float32)
"""A periodic window. Half overlapped, its copies add up to one, so spectra can be added back to audio."""
_HANN_POWER = float(np.square(_HANN).sum())
_BARK_HZ = (80, 180, 280, 380, 500, 630, 770, 920, 1080, 1270, 1480, 1720, 2000, 2320, 2700, 3150, 3700, 4400)
"""Edges of the critical bands of hearing (Zwicker 1961). Frequencies outside them are left out."""
_EDGES = np.array([round(hertz * _FFT_SAMPLES / SAMPLE_RATE_HZ) for hertz in _BARK_HZ])

_STEADY_FRAMES = 1020 // FRAME_MS
_LEVEL_FRAMES = 480 // FRAME_MS
"""The level of a frame is that of the loudest frames within this distance."""
_NEAR_FRAMES = 4
"""Sound that begins or ends softly counts up to so many frames away from its clear part."""
_OVERSUBTRACTION = 2.0
"""Noise varies about its floor, so this multiple of the floor is taken away (Berouti 1979)."""
_UNTOUCHED = 10 ** (-30 / 20)
"""Noise this far below the level of a frame stays, so that clean audio is not changed."""
_BAND_FLOOR = 1.6
"""The mean power of noise in a band, in multiples of its floor."""
_BAND_RANGE = 1e-4
"""Power that a band needs, relative to the level of the frame. Less may have leaked from a tone in another band."""
_BAND_LIMIT_DB = 10.0
"""The most that one band can contribute, so that a sound in few bands does not stand out."""
_BAND_SHARE = 1e-3
"""The power that counts as sound in a band, relative to white noise of the same level."""


@dataclass(frozen=True, slots=True)
class Foreground:
    """`frames` (T, FRAME_SAMPLES) is the audio from 80 Hz to 4.4 kHz without steady noise, `level` (T,) its RMS.

    `contrast_db` (T,) says how far the audio is above the noise, as the mean over the bands. `bands` (T,) is the number
    of bands with sound other than steady noise: a whistle has two, a vowel more than ten.
    """

    frames: FloatArray
    level: FloatArray
    contrast_db: FloatArray
    bands: NDArray[np.int_]


def foreground(samples: NDArray[np.int16]) -> Foreground:
    """The foreground of *samples* (n,), at least three frames. An incomplete frame at the end is left out."""
    spectra = _spectra(samples)
    magnitude = np.abs(spectra)
    floor = _with_edges(_floor(_mean_over_time(magnitude[1:-1], 3)))
    reduced = _reduced(magnitude, floor)
    level = _level(reduced)
    untouched = _UNTOUCHED * np.sqrt(_HANN_POWER) * level[:, None]
    gain = _reduced(magnitude, np.maximum(floor - untouched, 0)) / np.maximum(magnitude, 1e-6)
    return Foreground(
        frames=_audio(spectra * gain),
        level=np.maximum(level[:-1], level[1:]),
        contrast_db=_largest_near(_contrast_db(magnitude[1:-1], level[1:-1]), _NEAR_FRAMES),
        bands=_bands(reduced),
    )


def _spectra(samples: NDArray[np.int16]) -> NDArray[np.complexfloating[Any, Any]]:
    """Spectra (S, F) that are centred on the edges of the frames."""
    whole = len(samples) - len(samples) % FRAME_SAMPLES
    padded = np.pad(samples[:whole].astype(np.float32), FRAME_SAMPLES, mode="reflect", reflect_type="odd")
    windows = np.lib.stride_tricks.sliding_window_view(padded, _FFT_SAMPLES)[::FRAME_SAMPLES]
    spectra = np.fft.rfft(windows * _HANN, axis=1)[:, : _EDGES[-1]]
    spectra[:, : _EDGES[0]] = 0
    return spectra


def _audio(spectra: NDArray[np.complexfloating[Any, Any]]) -> FloatArray:
    """Frames (T, FRAME_SAMPLES) of the audio with *spectra* (S, F)."""
    windows: FloatArray = np.fft.irfft(spectra, _FFT_SAMPLES, axis=1)
    return windows[:-1, FRAME_SAMPLES:] + windows[1:, :FRAME_SAMPLES]


def _reduced(magnitude: FloatArray, floor: FloatArray) -> FloatArray:
    return np.maximum(magnitude - _OVERSUBTRACTION * floor, 0)


def _level(magnitude: FloatArray) -> FloatArray:
    """The RMS (S,) of the loudest spectra near each spectrum."""
    power = 2 * np.square(magnitude).sum(axis=1, keepdims=True) / (_FFT_SAMPLES * _HANN_POWER)
    return _largest_near(np.sqrt(_mean_over_time(power, 5)[:, 0]), _LEVEL_FRAMES)


def _contrast_db(magnitude: FloatArray, level: FloatArray) -> FloatArray:
    """The contrast (T,) of the inner spectra *magnitude* (S - 2, F) to their floor."""
    power = _power(magnitude)
    least = _HANN_POWER * (1 + _BAND_RANGE * np.square(level[:, None]))
    ratio = _mean_over_time(power, 3) / (_BAND_FLOOR * _floor(_mean_over_time(power, 5)) + least)
    bands_db = np.minimum(10 * np.log10(np.maximum(ratio, 1)), _BAND_LIMIT_DB)
    contrast_db = _with_edges(bands_db.mean(axis=1))
    return (contrast_db[:-1] + contrast_db[1:]) / 2


def _bands(magnitude: FloatArray) -> NDArray[np.int_]:
    """The number (T,) of bands with sound, in both of the spectra *magnitude* (S, F) that a frame is part of.

    A click, such as the beginning of a tone, fills all the bands, but only for a moment.
    """
    white = np.square(magnitude).mean(axis=1, keepdims=True)
    count = (_power(magnitude) > _BAND_SHARE * white).sum(axis=1)
    bands: NDArray[np.int_] = np.minimum(count[:-1], count[1:])
    return bands


def _power(magnitude: FloatArray) -> FloatArray:
    """The mean power (n, B) in each band of the spectra *magnitude* (n, F)."""
    power: FloatArray = np.add.reduceat(np.square(magnitude), _EDGES[:-1], axis=1) / np.diff(_EDGES).astype(np.float32)
    return power


def _with_edges(inner: FloatArray) -> FloatArray:
    """Values for all spectra. The first and the last get their neighbour's, because half of them is mirrored."""
    return np.concatenate([inner[:1], inner, inner[-1:]])


def _floor(values: FloatArray) -> FloatArray:
    """The floor of *values* (n, m): the lowest row values of the last second or of the next, whichever are higher.

    So the floor rises and falls at once where noise begins and ends.
    """
    return np.maximum(_lowest_before(values), _lowest_before(values[::-1])[::-1])


def _lowest_before(values: FloatArray) -> FloatArray:
    """The minimum of each row of *values* (n, m) and the rows of the second before it.

    The first rows get the minimum of the first second. Each step doubles how far the minimum reaches.
    """
    width = min(_STEADY_FRAMES, len(values))
    lowest, reach = values, 1
    while reach < width:
        step = min(reach, width - reach)
        lowest = np.minimum(lowest[step:], lowest[:-step])
        reach += step
    return np.concatenate([np.repeat(lowest[:1], width - 1, axis=0), lowest])


def _mean_over_time(values: FloatArray, width: int) -> FloatArray:
    """The running mean of *values* (n, m) over *width* rows, fewer at the edges."""
    sums = np.cumsum(np.pad(values, ((1, 0), (0, 0))), axis=0, dtype=np.float64)
    rows = np.arange(len(values))
    first, end = np.maximum(rows - width // 2, 0), np.minimum(rows + width // 2 + 1, len(values))
    mean: FloatArray = ((sums[end] - sums[first]) / (end - first)[:, None]).astype(np.float32)
    return mean


def _largest_near(values: FloatArray, distance: int) -> FloatArray:
    """The largest of *values* (n,) up to *distance* away from each."""
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(values, distance), 2 * distance + 1)
    largest: FloatArray = windows.max(axis=1)
    return largest
