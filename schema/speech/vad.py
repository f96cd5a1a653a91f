"""Voice activity detection: webrtcvad with corrections.

webrtcvad takes steady noise and clicks for speech, and misses very quiet speakers. So it gets the foreground of the
audio, amplified to one level. A frame counts only if many bands stand out from the noise, and if it is louder than the
quietest frames of its window. Several frames in a row are needed. Tones are left out: they fill few bands, but speech
fills many at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import webrtcvad
from numpy.typing import NDArray

from schema.core.units import SAMPLE_RATE_HZ, samples_of_ms
from schema.speech.foreground import FRAME_MS, FRAME_SAMPLES, Foreground, foreground

DIGITAL_SILENCE = 0.5
"""The RMS up to which a frame cannot come from a microphone."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class VadSettings:
    aggressiveness: int = 2
    """webrtcvad's mode: 0 finds the most speech, 3 the least."""
    stand_out: float = 2.0
    """How many times louder than the quiet of the window a frame must be. 2 is 6 dB."""
    contrast_db: float = 1.0
    """How far a frame must stand out from steady noise, as the mean over the bands of hearing. Noise alone stays below
    0.7."""
    floor: float = 4.0
    """Nothing below this RMS of int16 samples is speech. 4 is -78 dB of full scale."""
    quiet_limit: float = 300.0
    """The highest RMS that counts as the quiet of a window. Otherwise speech that fills a window would count as
    quiet."""
    level: float = 2000.0
    """The RMS to which each part is amplified for webrtcvad, so that a far voice counts beside a near one."""
    gain_limit: float = 60.0
    shortest_ms: int = 120
    """Anything shorter than this is a click."""
    voice_bands: int = 8
    """How many of the 17 bands of hearing a voice fills at once. Whistling, sirens, and the tones of telephones fill up
    to 7."""
    voice_ms: int = 90
    """How long at a stretch. Where a tone begins, many bands are filled for up to 60 ms."""
    hangover_ms: int = 240
    """A gap up to this long belongs to the speech around it."""
    padding_ms: int = 60


USUAL = VadSettings()


def speech_spans(samples: NDArray[np.int16], settings: VadSettings = USUAL) -> list[tuple[int, int]]:
    """The spans [first, end) of *samples* (n,) that contain speech, in order. Gaps up to the hangover are included."""
    flags, broad = _frames_with_speech(samples, settings)
    spans = [
        span
        for span in _joined(_runs(flags), settings.hangover_ms)
        if _dense(flags, span, settings.shortest_ms) and _voiced(flags, broad, span, settings.voice_ms)
    ]
    padding = samples_of_ms(settings.padding_ms)
    return [
        (max(first * FRAME_SAMPLES - padding, 0), min(end * FRAME_SAMPLES + padding, len(samples)))
        for first, end in spans
    ]


def _frames_with_speech(samples: NDArray[np.int16], settings: VadSettings) -> tuple[Flags, Flags]:
    """Which frames sound like speech, and which frames fill as many bands as a voice."""
    count = len(samples) // FRAME_SAMPLES
    if count * FRAME_MS < settings.shortest_ms:
        return np.zeros(count, np.bool_), np.zeros(count, np.bool_)
    sound = foreground(samples)
    standing_out = _loud(sound, settings) & (sound.contrast_db > settings.contrast_db)
    gain = np.clip(settings.level / np.maximum(sound.level, DIGITAL_SILENCE), 1.0, settings.gain_limit)
    levelled = np.clip(sound.frames * gain[:, None], -32_768, 32_767).astype("<i2")
    detector = webrtcvad.Vad(settings.aggressiveness)
    detected = [detector.is_speech(frame.tobytes(), SAMPLE_RATE_HZ) for frame in levelled]
    flags: Flags = standing_out & np.array(detected)
    return flags, sound.bands >= settings.voice_bands


def _loud(sound: Foreground, settings: VadSettings) -> Flags:
    """Which frames are louder than the quiet of the window."""
    loudness = np.sqrt(np.square(sound.frames).mean(axis=1))
    audible = loudness[loudness > DIGITAL_SILENCE]
    # Digital silence does not count as quiet, because even the noise of a room stands out from it.
    quiet = min(float(np.quantile(audible, 0.1)), settings.quiet_limit) if len(audible) else 0.0
    loud: Flags = loudness > max(settings.floor, settings.stand_out * quiet)
    return loud


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


def _voiced(flags: Flags, broad: Flags, span: tuple[int, int], voice_ms: int) -> bool:
    """Whether enough flagged frames of *span* in a row are broad. Frames between them that are not flagged do not
    count."""
    runs = _runs(broad[slice(*span)][flags[slice(*span)]])
    return any((end - first) * FRAME_MS >= voice_ms for first, end in runs)
