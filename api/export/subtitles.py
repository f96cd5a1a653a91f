"""Subtitles as SRT and WebVTT. The cues follow the times of the words."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from api.export.documents import Export
from api.export.phrases import authors_line, coverage_line
from schema.meetings.wire import SegmentOut, WordOut

LINE_CHARACTERS = 42
LINES = 2
PAUSE_S = 1.0
LONGEST_S = 7.0
"""A cue ends at a pause, when it is full, or after this time."""


def to_srt(export: Export) -> str:
    """SubRip: cues of at most two lines of 42 characters. A turn begins with its speaker's name."""
    cues = cues_of(export.segments, names_in_text=True)
    blocks = [
        f"{number}\n{_timestamp(cue.start_s, ',')} --> {_timestamp(cue.end_s, ',')}\n" + "\n".join(cue.lines) + "\n"
        for number, cue in enumerate(cues, 1)
    ]
    return "\n".join(blocks)


def to_vtt(export: Export) -> str:
    """WebVTT: like SRT, with speakers as voices, and with coverage and models as notes."""
    notes = [coverage_line(export.meeting.coverage), authors_line(export.meeting.made_by)]
    blocks = ["WEBVTT\n", *(f"NOTE {note}\n" for note in notes if note)]
    for cue in cues_of(export.segments, names_in_text=False):
        voice = f"<v {_escape_vtt(cue.speaker)}>" if cue.speaker else ""
        text = "\n".join(_escape_vtt(line) for line in cue.lines)
        blocks.append(f"{_timestamp(cue.start_s, '.')} --> {_timestamp(cue.end_s, '.')}\n{voice}{text}\n")
    return "\n".join(blocks)


def _timestamp(seconds: float, comma: str) -> str:
    total_ms = round(1000 * seconds)
    second, ms = divmod(total_ms, 1000)
    minute, second = divmod(second, 60)
    hour, minute = divmod(minute, 60)
    return f"{hour:02}:{minute:02}:{second:02}{comma}{ms:03}"


def _escape_vtt(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@dataclass(frozen=True, slots=True)
class Cue:
    """`speaker` is None if it is unknown."""

    start_s: float
    end_s: float
    lines: tuple[str, ...]
    speaker: str | None = None


def cues_of(segments: Sequence[SegmentOut], *, names_in_text: bool) -> list[Cue]:
    """Cues in order of time. With *names_in_text*, the first cue of a turn begins with its speaker's name."""
    cues: list[Cue] = []
    last_speaker: dict[str, str | None] = {}
    for segment in segments:
        name = segment.speaker if names_in_text and last_speaker.get(segment.track) != segment.speaker else None
        last_speaker[segment.track] = segment.speaker
        cues.extend(_cues_of_segment(segment, f"{name}: " if name else ""))
    return sorted(cues, key=lambda cue: (cue.start_s, cue.end_s))


def _cues_of_segment(segment: SegmentOut, prefix: str) -> Iterator[Cue]:
    taken: list[WordOut] = []
    for word in _split_long_words(segment):
        if taken and not _fits(prefix, [*taken, word]):
            yield _cue(segment, prefix, taken)
            prefix, taken = "", []
        taken.append(word)
    if taken:
        yield _cue(segment, prefix, taken)


def _fits(prefix: str, words: Sequence[WordOut]) -> bool:
    pause_s = words[-1].start_s - words[-2].end_s
    length_s = words[-1].end_s - words[0].start_s
    return pause_s < PAUSE_S and length_s <= LONGEST_S and len(_lines(prefix, words)) <= LINES


def _cue(segment: SegmentOut, prefix: str, words: Sequence[WordOut]) -> Cue:
    return Cue(words[0].start_s, words[-1].end_s, tuple(_lines(prefix, words)), segment.speaker)


def _lines(prefix: str, words: Sequence[WordOut]) -> list[str]:
    text = prefix + "".join(word.text for word in words).strip()
    return textwrap.wrap(text, LINE_CHARACTERS, break_on_hyphens=False)


def _split_long_words(segment: SegmentOut) -> Iterator[WordOut]:
    """The segment's words. Words that are longer than a line are split."""
    for word in segment.words or [_as_word(segment)]:
        pieces = textwrap.wrap(word.text, LINE_CHARACTERS, break_on_hyphens=False, drop_whitespace=False)
        step_s = (word.end_s - word.start_s) / max(1, len(pieces))
        for at, piece in enumerate(pieces):
            start_s = word.start_s + at * step_s
            yield WordOut(text=piece, start_s=start_s, end_s=start_s + step_s, probability=word.probability)


def _as_word(segment: SegmentOut) -> WordOut:
    return WordOut(text=segment.text, start_s=segment.start_s, end_s=segment.end_s, probability=1.0)
