"""Detects where turns begin and end as the audio arrives, with the voice activity detection of recognition."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from api.openai.client_events import TurnDetection
from schema.core.units import BYTES_PER_SAMPLE, samples_of_ms, samples_of_s
from schema.speech.vad import USUAL, VadSettings, speech_spans

BLOCK_SAMPLES = samples_of_ms(120)
"""The audio is looked at in blocks of this length, whatever the size of the pieces in which it arrives."""
BLOCK_BYTES = BLOCK_SAMPLES * BYTES_PER_SAMPLE
MEMORY_SAMPLES = samples_of_s(3)
"""So much audio before the end of a block is looked at. Steady noise is known from one second of it."""
FLOOR_RMS = 30.0
"""RMS of int16 samples, -61 dB of full scale. Quieter sound is not speech into this microphone."""
SHORTEST_MS = 180
"""Anything shorter, such as a click, begins no turn. Speech that goes on is noticed this late."""
SHORTEST_SAMPLES = samples_of_ms(SHORTEST_MS)
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
        self._vad = _vad_settings(settings)
        self._position = self._earliest = self._spoken_sample = first_sample
        self._rest = b""
        self._heard = np.zeros(0, np.int16)
        self.speaking = False

    def process(self, pcm: bytes) -> list[TurnStarted | TurnEnded]:
        """Process the next *pcm* (PCM16, 16 kHz), and return the changes in order."""
        audio = self._rest + pcm
        whole = len(audio) - len(audio) % BLOCK_BYTES
        self._rest = audio[whole:]
        found = [self._block(audio[at : at + BLOCK_BYTES]) for at in range(0, whole, BLOCK_BYTES)]
        return [each for each in found if each is not None]

    def reset(self) -> None:
        """Forget the current turn, because the client has ended it. The next speech begins another one."""
        self.speaking, self._earliest = False, self._position + len(self._rest) // BYTES_PER_SAMPLE

    def _block(self, pcm: bytes) -> TurnStarted | TurnEnded | None:
        block = np.frombuffer(pcm, "<i2")
        self._heard = np.concatenate([self._heard, block])[-MEMORY_SAMPLES:]
        self._position += BLOCK_SAMPLES
        speech = self._last_speech() if _rms(block) >= FLOOR_RMS else None
        if speech is not None:
            self._spoken_sample = max(self._spoken_sample, speech[1])
        if not self.speaking and speech is not None:
            self.speaking = True
            return TurnStarted(max(speech[0] - self._padding_samples, self._earliest))
        if self.speaking and self._position - self._spoken_sample >= self._silence_samples + SHORTEST_SAMPLES:
            self.speaking, self._earliest = False, self._position
            return TurnEnded(self._spoken_sample + self._silence_samples, self._spoken_sample)
        return None

    def _last_speech(self) -> tuple[int, int] | None:
        """The last span of speech [first, end) that is heard, if some of it is new."""
        spans = speech_spans(self._heard, self._vad)
        if not spans:
            return None
        heard_from = self._position - len(self._heard)
        first, end = (heard_from + each for each in spans[-1])
        return (first, end) if end > max(self._earliest, self._position - SHORTEST_SAMPLES) else None


def _vad_settings(settings: TurnDetection) -> VadSettings:
    return replace(
        USUAL,
        aggressiveness=min(int(settings.threshold * MODES), MODES - 1),
        floor=FLOOR_RMS,
        hangover_ms=min(USUAL.hangover_ms, settings.silence_duration_ms // 2),
        shortest_ms=SHORTEST_MS,
    )


def _rms(samples: NDArray[np.int16]) -> float:
    return float(np.sqrt(np.square(samples.astype(np.float32)).mean()))
