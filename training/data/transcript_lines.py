"""A transcript as lines, each with its speaker."""

from __future__ import annotations

import re

from workers.summarize.text.segment import SpokenSegment

_SPEAKER = re.compile(r"([^:\n]{1,40}): (\S.*)")


def transcript_segments(text: str) -> list[SpokenSegment]:
    """The lines of *text* as segments. A segment's id is its line number.

    "Anna: yes." is spoken by Anna if every line has that form; otherwise no line has a speaker.
    """
    lines = text.splitlines()
    found = [_SPEAKER.fullmatch(line) for line in lines]
    if lines and all(found):
        pairs: list[tuple[str | None, str]] = [(match[1], match[2]) for match in found if match is not None]
    else:
        pairs = [(None, line) for line in lines]
    return [SpokenSegment(at, speaker, at, at + 1, said) for at, (speaker, said) in enumerate(pairs) if said.strip()]
