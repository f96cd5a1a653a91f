"""What the summariser reads: segments of transcript, and the sentences in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schema.core.sentences import split_sentences


@dataclass(frozen=True, slots=True)
class SpokenSegment:
    """Text that somebody said in [first_sample, end_sample). `speaker` is None where one track carries every voice."""

    id: int
    speaker: str | None
    first_sample: int
    end_sample: int
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence as it was said, with the ids of the segments that it stands in."""

    text: str
    speaker: str | None
    segments: tuple[int, ...]


def statements(segments: Sequence[SpokenSegment]) -> list[Statement]:
    """The sentences of *segments* in order; neighbours of one speaker are read on, so a sentence may span segments."""
    found: list[Statement] = []
    for run in _runs(segments):
        found += _statements_of(run)
    return found


def _runs(segments: Sequence[SpokenSegment]) -> list[list[SpokenSegment]]:
    runs: list[list[SpokenSegment]] = []
    for segment in segments:
        if runs and runs[-1][-1].speaker == segment.speaker:
            runs[-1].append(segment)
        else:
            runs.append([segment])
    return runs


def _statements_of(run: list[SpokenSegment]) -> list[Statement]:
    # By characters, since a sentence of a script without spaces may begin inside what spaces enclose.
    owners = [segment.id for segment in run for _ in _without_spaces(segment.text)]
    found, at = [], 0
    for text in split_sentences(" ".join(segment.text for segment in run)):
        end = at + len(_without_spaces(text))
        found.append(Statement(text, run[0].speaker, tuple(dict.fromkeys(owners[at:end]))))
        at = end
    return found


def _without_spaces(text: str) -> str:
    return "".join(text.split())
