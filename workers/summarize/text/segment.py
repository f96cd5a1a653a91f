"""The input of the summariser: segments of a transcript, and the sentences in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from schema.core.sentences import split_sentences


@dataclass(frozen=True, slots=True)
class SpokenSegment:
    """Text that was said in [first_sample, end_sample). `speaker` is None if one track carries all voices."""

    id: int
    speaker: str | None
    first_sample: int
    end_sample: int
    text: str


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence as it was said, with the ids of the segments that contain it."""

    text: str
    speaker: str | None
    segments: tuple[int, ...]


def statements(segments: Sequence[SpokenSegment]) -> list[Statement]:
    """The sentences of *segments* in order. A sentence may span neighbouring segments of one speaker."""
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
    # Counted in characters: in a script without spaces, a sentence may begin inside a token of `split()`.
    owners = [segment.id for segment in run for _ in _without_spaces(segment.text)]
    found, at = [], 0
    for text in split_sentences(" ".join(segment.text for segment in run)):
        end = at + len(_without_spaces(text))
        found.append(Statement(text, run[0].speaker, tuple(dict.fromkeys(owners[at:end]))))
        at = end
    return found


def _without_spaces(text: str) -> str:
    return "".join(text.split())
