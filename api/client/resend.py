"""Keeps sent audio until the server has committed it, and the times at which it was sent."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass

from schema.core.units import BYTES_PER_SAMPLE


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """PCM16 at a position of the track."""

    first_sample: int
    pcm: bytes

    @property
    def end_sample(self) -> int:
        return self.first_sample + len(self.pcm) // BYTES_PER_SAMPLE


class ResendBuffer:
    """Consecutive pieces of a track from `first_sample` to `end_sample`. Committed pieces are dropped."""

    def __init__(self) -> None:
        self._pieces: deque[AudioChunk] = deque()
        self.first_sample = 0
        self.end_sample = 0

    @property
    def kept_samples(self) -> int:
        return self.end_sample - self.first_sample

    def add(self, pcm: bytes) -> AudioChunk:
        piece = AudioChunk(self.end_sample, pcm)
        self._pieces.append(piece)
        self.end_sample = piece.end_sample
        return piece

    def start_at(self, sample: int) -> None:
        """Let the empty buffer begin at *sample*, because the track already has audio from an earlier run."""
        if self._pieces:
            raise ValueError(f"the buffer already holds audio from {self.first_sample}")
        self.first_sample = self.end_sample = sample

    def drop(self, committed_sample: int) -> None:
        """Drop the pieces that end at or before *committed_sample*."""
        while self._pieces and self._pieces[0].end_sample <= committed_sample:
            self.first_sample = self._pieces.popleft().end_sample

    def at(self, sample: int) -> AudioChunk | None:
        """The rest of the piece that contains *sample*, None at the end of the audio."""
        index = bisect_right(self._pieces, sample, key=lambda piece: piece.end_sample)
        if index == len(self._pieces):
            return None
        piece = self._pieces[index]
        return AudioChunk(sample, piece.pcm[(sample - piece.first_sample) * BYTES_PER_SAMPLE :])


class SendLog:
    """Records when audio was first sent, by chunk. Times are in seconds of `time.monotonic()`."""

    def __init__(self) -> None:
        self._ends: list[int] = []
        self._times_s: list[float] = []

    def note(self, end_sample: int, at_s: float) -> None:
        """Record that audio up to *end_sample* was sent at *at_s*. Audio that is sent again changes nothing."""
        if not self._ends or end_sample > self._ends[-1]:
            self._ends.append(end_sample)
            self._times_s.append(at_s)

    def sent_s(self, sample: int) -> float | None:
        """The time of the chunk with the audio just before *sample*. After the end it is the time of the last chunk."""
        if not self._ends:
            return None
        return self._times_s[min(bisect_left(self._ends, sample), len(self._ends) - 1)]
