"""Voice activity detection: webrtcvad with corrections.

webrtcvad takes steady noise and clicks for speech, and misses very quiet speakers. So its input is amplified to one
level, a frame counts only if it is louder than the quietest frames of its window, and several frames in a row are
needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from schema.core.units import SAMPLE_RATE_HZ, samples_of_ms

FRAME_MS = 30
FRAME_SAMPLES = samples_of_ms(FRAME_MS)

STEADY_MS = 1000
DIGITAL_SILENCE = 0.5
"""The RMS up to which a frame cannot come from a microphone."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class VadSettings:
    aggressiveness: int = 2
    """webrtcvad's mode: 0 finds the most speech, 3 the least."""
    stand_out: float = 2.0
    """How many times louder than the quiet of the window a frame must be. 2 is 6 dB."""
    floor: float = 4.0
    """Nothing below this RMS of int16 samples is speech. 4 is -78 dB of full scale."""
    quiet_limit: float = 300.0
    """The highest RMS that counts as the quiet of a window. Otherwise speech that fills a window would count as
    quiet."""
    level: float = 2000.0
    """The RMS to which loud parts are amplified for webrtcvad."""
    gain_limit: float = 60.0
    shortest_ms: int = 120
    """Anything shorter than this is a click."""
    hangover_ms: int = 240
    """A gap up to this long belongs to the speech around it."""
    padding_ms: int = 60


USUAL = VadSettings()


def speech_spans(samples: NDArray[np.int16], settings: VadSettings = USUAL) -> list[tuple[int, int]]:
    """The spans [first, end) of *samples* (n,) that contain speech, in order. Gaps up to the hangover are included."""
    flags = _frames_with_speech(samples, settings)
    spans = [span for span in _joined(_runs(flags), settings.hangover_ms) if _dense(flags, span, settings.shortest_ms)]
    padding = samples_of_ms(settings.padding_ms)
    return [
        (max(first * FRAME_SAMPLES - padding, 0), min(end * FRAME_SAMPLES + padding, len(samples)))
        for first, end in spans
    ]


def _frames_with_speech(samples: NDArray[np.int16], settings: VadSettings) -> Flags:
    count = len(samples) // FRAME_SAMPLES
    if not count:
        return np.zeros(0, np.bool_)
    frames = samples[: count * FRAME_SAMPLES].reshape(count, FRAME_SAMPLES).astype(np.float32)
    frames -= frames.mean(axis=1, keepdims=True)
    loudness = np.sqrt(np.square(frames).mean(axis=1))
    audible = loudness[loudness > DIGITAL_SILENCE]
    if not len(audible):
        return np.zeros(count, np.bool_)
    # Digital silence does not count as quiet, because even the noise of a room stands out from it.
    quiet = min(float(np.quantile(audible, 0.1)), settings.quiet_limit)
    loud: Flags = loudness > max(settings.floor, settings.stand_out * quiet)
    if not loud.any() or _steady(audible, settings):
        return np.zeros(count, np.bool_)
    gain = min(settings.level / float(np.quantile(loudness[loud], 0.75)), settings.gain_limit)
    levelled = np.clip(frames * max(gain, 1.0), -32_768, 32_767).astype("<i2")
    detector = webrtcvad.Vad(settings.aggressiveness)
    detected = [detector.is_speech(frame.tobytes(), SAMPLE_RATE_HZ) for frame in levelled]
    flags: Flags = loud & np.array(detected)
    return flags


def _steady(loudness: NDArray[np.floating[Any]], settings: VadSettings) -> bool:
    """Whether at least a second has the same loudness throughout. That is noise, because speech varies."""
    low, high = np.quantile(loudness, (0.1, 0.95))
    return bool(len(loudness) * FRAME_MS >= STEADY_MS and high < settings.stand_out * low)


def _runs(flags: Flags) -> list[tuple[int, int]]:
    """[first, end) of each run of flagged frames."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))


def _joined(runs: list[tuple[int, int]], hangover_ms: int) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for first, end in runs:
        if joined and (first - joined[-1][1]) * FRAME_MS <= hangover_ms:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((first, end))
    return joined


def _dense(flags: Flags, span: tuple[int, int], shortest_ms: int) -> bool:
    return int(flags[slice(*span)].sum()) * FRAME_MS >= shortest_ms
