"""A realtime session's audio on its way into the mailbox of its meeting."""

from __future__ import annotations

import asyncio
import logging

import numpy as np
import soxr

from api.live.track_writer import TrackWriter
from api.openai.client_events import RATE_HZ
from schema.core.errors import AudioGap, Backlogged, InvalidAudio, Unavailable
from schema.core.units import BYTES_PER_SAMPLE, SAMPLE_RATE_HZ

log = logging.getLogger(__name__)

AWAY_ATTEMPTS = 30
AWAY_PAUSE_S = 1.0
"""A Redis that is away for longer ends the session."""


class Resampler:
    """PCM16 at 24 kHz to PCM16 at 16 kHz, whatever the pieces are cut into."""

    def __init__(self) -> None:
        self._stream = soxr.ResampleStream(RATE_HZ, SAMPLE_RATE_HZ, 1, dtype="int16")

    def take(self, pcm: bytes) -> bytes:
        """Raises InvalidAudio. A few milliseconds stay inside until more comes."""
        if len(pcm) % BYTES_PER_SAMPLE:
            raise InvalidAudio(f"{len(pcm)} bytes are not whole 16-bit samples; send an even number of bytes")
        resampled: bytes = self._stream.resample_chunk(np.frombuffer(pcm, "<i2")).astype("<i2", copy=False).tobytes()
        return resampled


class AudioAppender:
    """Puts audio behind what there is. `sample` is the track's end."""

    def __init__(self, writer: TrackWriter) -> None:
        self.sample = 0
        self._writer = writer

    async def finish(self) -> None:
        await self._writer.finish()

    async def append(self, pcm: bytes) -> None:
        """Waits while the mailbox is full, which makes the client wait. Raises what `TrackWriter.append` raises."""
        attempts = 0
        while pcm:
            try:
                await self._writer.append(self.sample, pcm)
                self.sample += len(pcm) // BYTES_PER_SAMPLE
                return
            except Backlogged as error:
                await asyncio.sleep(float(str(error.facts.get("retry_after_ms", 1000))) / 1000)
            except AudioGap as error:
                # Redis lost what the client cannot send again: it is booked as missing, and the session goes on.
                log.warning("meeting %s: %s", self._writer.place.meeting_id, error.detail)
                await self._writer.skip(self.sample)
            except Unavailable as error:
                attempts += 1
                if attempts == AWAY_ATTEMPTS:
                    raise
                log.warning("meeting %s waits: %s", self._writer.place.meeting_id, error.detail)
                await asyncio.sleep(AWAY_PAUSE_S)
