"""Positions and durations. Audio positions are samples since the start of the meeting.

Everything inside Minutebook is 16 kHz, mono, signed 16-bit little-endian PCM, as Whisper reads it.
"""

from __future__ import annotations

SAMPLE_RATE_HZ = 16_000
BYTES_PER_SAMPLE = 2
SAMPLES_PER_MS = SAMPLE_RATE_HZ // 1000

WINDOW_LIMIT_S = 30
"""What Whisper's encoder takes at once."""
WINDOW_LIMIT_SAMPLES = WINDOW_LIMIT_S * SAMPLE_RATE_HZ

MEETING_LIMIT_SAMPLES = 48 * 3600 * SAMPLE_RATE_HZ
"""A position past two days of audio is a producer's mistake, not a meeting."""


def samples_of_ms(ms: float) -> int:
    """Samples in *ms* milliseconds, rounded down."""
    return int(ms * SAMPLES_PER_MS)


def samples_of_s(seconds: float) -> int:
    """Samples in *seconds*, rounded to the nearest."""
    return round(seconds * SAMPLE_RATE_HZ)


def s_of_samples(samples: int) -> float:
    """Seconds that *samples* last."""
    return samples / SAMPLE_RATE_HZ
