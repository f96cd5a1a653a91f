"""Units of positions and durations. Audio positions are samples since the start of the meeting.

All audio inside Minutebook is 16 kHz, mono, signed 16-bit little-endian PCM. Whisper needs 16 kHz mono.
"""

from __future__ import annotations

SAMPLE_RATE_HZ = 16_000
BYTES_PER_SAMPLE = 2
SAMPLES_PER_MS = SAMPLE_RATE_HZ // 1000

WINDOW_LIMIT_S = 30
"""The most audio that Whisper's encoder accepts at once."""
WINDOW_LIMIT_SAMPLES = WINDOW_LIMIT_S * SAMPLE_RATE_HZ

MEETING_LIMIT_SAMPLES = 48 * 3600 * SAMPLE_RATE_HZ
"""The longest possible meeting: two days. A later position can only be a mistake of the producer."""


def samples_of_ms(ms: float) -> int:
    """Samples in *ms* milliseconds, rounded down."""
    return int(ms * SAMPLES_PER_MS)


def samples_of_s(seconds: float) -> int:
    """Samples in *seconds*, rounded to the nearest."""
    return round(seconds * SAMPLE_RATE_HZ)


def s_of_samples(samples: int) -> float:
    """The duration of *samples* in seconds."""
    return samples / SAMPLE_RATE_HZ
