"""Detects with webrtcvad where turns begin and end, as the audio arrives. It does not recognise words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import webrtcvad

from api.openai.client_events import TurnDetection
from schema.core.units import BYTES_PER_SAMPLE, SAMPLE_RATE_HZ, samples_of_ms

FRAME_MS = 20
FRAME_SAMPLES = samples_of_ms(FRAME_MS)
FRAME_BYTES = FRAME_SAMPLES * BYTES_PER_SAMPLE
ONSET_FRAMES = 5
"""This many voiced frames in a row begin a turn. Shorter sounds are clicks."""
FLOOR_RMS = 30.0
"""RMS of int16 samples, -61 dB of full scale. Quieter sound is not speech into this microphone."""
MODES = 4
"""webrtcvad has the modes 0, the most sensitive, to 3."""


@dataclass(frozen=True, slots=True)
class TurnStarted:
    sample: int


@dataclass(frozen=True, slots=True)
class TurnEnded:
    """`spoken_sample` is the end of the last speech; `sample` is the end of the silence that ended the turn."""

    sample: int
    spoken_sample: int


class TurnDetector:
    """Detects the turns of one track from *first_sample* on."""

    def __init__(self, settings: TurnDetection, first_sample: int) -> None:
        self._silence_samples = samples_of_ms(settings.silence_duration_ms)
        self._padding_samples = samples_of_ms(settings.prefix_padding_ms)
        self._detector = webrtcvad.Vad(min(int(settings.threshold * MODES), MODES - 1))
        self._position = self._earliest = first_sample
        self._rest = b""
        self._voiced_frames = 0
        self._spoken_sample = first_sample
        self.speaking = False

    def process(self, pcm: bytes) -> list[TurnStarted | TurnEnded]:
        """Process the next *pcm* (PCM16, 16 kHz), and return the changes in order."""
        audio = self._rest + pcm
        whole = len(audio) - len(audio) % FRAME_BYTES
        self._rest = audio[whole:]
        found = [self._frame(audio[at : at + FRAME_BYTES]) for at in range(0, whole, FRAME_BYTES)]
        return [each for each in found if each is not None]

    def reset(self) -> None:
        """Forget the current turn, because the client has ended it. The next speech begins another one."""
        self.speaking, self._voiced_frames, self._earliest = False, 0, self._position

    def _frame(self, frame: bytes) -> TurnStarted | TurnEnded | None:
        voiced = _rms(frame) >= FLOOR_RMS and self._detector.is_speech(frame, SAMPLE_RATE_HZ)
        self._position += FRAME_SAMPLES
        self._voiced_frames = self._voiced_frames + 1 if voiced else 0
        if voiced:
            self._spoken_sample = self._position
        if not self.speaking and self._voiced_frames >= ONSET_FRAMES:
            self.speaking = True
            onset = self._position - self._voiced_frames * FRAME_SAMPLES
            return TurnStarted(max(onset - self._padding_samples, self._earliest))
        if self.speaking and self._position - self._spoken_sample >= self._silence_samples:
            self.reset()
            return TurnEnded(self._position, self._spoken_sample)
        return None


def _rms(frame: bytes) -> float:
    return float(np.sqrt(np.square(np.frombuffer(frame, "<i2").astype(np.float32)).mean()))
