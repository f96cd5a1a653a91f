"""Limits of the mailbox. They are checked before anything is sent to Redis."""

from __future__ import annotations

from schema.core.errors import AudioTooFar, InvalidAudio, InvalidInput
from schema.core.units import BYTES_PER_SAMPLE, MEETING_LIMIT_SAMPLES, SAMPLE_RATE_HZ

PIECE_LIMIT_BYTES = 1 << 20
STATE_LIMIT_BYTES = 64 << 10
LONGEST_MS = 3_600_000
"""The longest lease or delay."""
SMALLEST_ENTRY_SAMPLES = SAMPLE_RATE_HZ // 100
"""Pieces shorter than 10 ms need more memory than their audio does. If they are that short on average, the number of
pieces fills the mailbox before its audio does."""
BATCH_DELAY_MS = 30_000
"""How long a batch track waits for a free place before it competes with live tracks."""
EXPRESS_DELAY_MS = 1
"""The same for a batch track that somebody waits for. It is not 0, because then it would count as a live track."""
CANDIDATES_PER_PLACE = 2
"""Candidates listed for each track to claim, because another worker may claim some of them first."""
CLAIM_TRIES = 3
EPOCH_STEP_LIMIT = 1 << 24
"""The largest step of an epoch. Lua holds integers exactly below 2^53, which is enough for 500 million claims."""
FEWEST_ENTRIES = 1000
"""A mailbox with fewer pieces than this is never full because of their number."""


def check_piece(first_sample: int, pcm_bytes: int, limit_bytes: int = PIECE_LIMIT_BYTES) -> None:
    """Raise InvalidAudio or AudioTooFar unless *pcm_bytes* bytes of PCM16 can stand at *first_sample* of a meeting."""
    if pcm_bytes == 0:
        raise InvalidAudio("there is no audio (0 bytes); send at least one sample or nothing at all")
    if pcm_bytes % BYTES_PER_SAMPLE:
        raise InvalidAudio(f"{pcm_bytes} bytes are not whole 16-bit samples; send an even number of bytes")
    if pcm_bytes > limit_bytes:
        raise InvalidAudio(f"{pcm_bytes} bytes of audio exceed the limit of {limit_bytes}; send smaller pieces")
    check_position("first_sample", first_sample)
    check_position("the end of the audio", first_sample + pcm_bytes // BYTES_PER_SAMPLE)


def check_position(name: str, sample: int) -> None:
    """Raise InvalidInput or AudioTooFar unless *sample* lies within a meeting."""
    if sample < 0:
        raise InvalidInput(f"{name} is {sample}; give a position in samples since the start of the meeting, from 0")
    if sample > MEETING_LIMIT_SAMPLES:
        hours = MEETING_LIMIT_SAMPLES // SAMPLE_RATE_HZ // 3600
        raise AudioTooFar(
            f"{name} is {sample}; a meeting ends at sample {MEETING_LIMIT_SAMPLES} ({hours} hours): "
            "count samples from its start, or start another meeting",
            limit_sample=MEETING_LIMIT_SAMPLES,
        )


def check_time(name: str, ms: int, least_ms: int = 0) -> None:
    """Raise InvalidInput unless *ms*, a lease or delay, is from *least_ms* to LONGEST_MS."""
    if not least_ms <= ms <= LONGEST_MS:
        raise InvalidInput(f"{name} is {ms}; it must be from {least_ms} to {LONGEST_MS}")


def check_state(state: bytes) -> None:
    """Raise InvalidInput if a worker's *state* is too large to be sent with every claim."""
    if len(state) > STATE_LIMIT_BYTES:
        raise InvalidInput(f"the state has {len(state)} bytes; a mailbox keeps at most {STATE_LIMIT_BYTES}")
