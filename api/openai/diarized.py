"""The answer in `diarized_json`: who said what, with the speakers as letters in order of appearance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from string import ascii_uppercase
from typing import Any

from schema.meetings.wire import SegmentOut

NOBODY = "unknown"
"""The speaker of words that nobody could be told for. OpenAI's clients need some text there."""


def speaker_letters(segments: Sequence[SegmentOut]) -> dict[str | None, str]:
    """The letter of each speaker: `A` for the first who speaks, `AA` for the twenty-seventh."""
    speakers = dict.fromkeys(segment.speaker for segment in segments if segment.speaker is not None)
    return {None: NOBODY, **{speaker: _letter(number) for number, speaker in enumerate(speakers)}}


def diarized_segments(segments: Sequence[SegmentOut]) -> Iterator[dict[str, Any]]:
    """One entry for each segment with text. A segment ends where the speaker changes."""
    letters = speaker_letters(segments)
    for number, segment in enumerate(each for each in segments if each.text):
        yield {
            "id": f"seg_{number}",
            "type": "transcript.text.segment",
            "start": segment.start_s,
            "end": segment.end_s,
            "speaker": letters[segment.speaker],
            "text": segment.text,
        }


def _letter(number: int) -> str:
    rounds, place = divmod(number, len(ascii_uppercase))
    return (_letter(rounds - 1) if rounds else "") + ascii_uppercase[place]
