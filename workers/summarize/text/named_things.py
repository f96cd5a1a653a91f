"""Things with a name of their own, such as `Elm Street` or `Room 12`."""

from __future__ import annotations

import re

from workers.summarize.text.due import days
from workers.summarize.text.stems import names

_NUMBERED = re.compile(r"\b[A-Z]\w+ \d+\b")


def speak_of_different_things(one: str, other: str, language: str) -> bool:
    """Whether each text names a thing that the other lacks."""
    ours, theirs = _labels(one, language), _labels(other, language)
    return bool(ours - theirs) and bool(theirs - ours)


def _labels(text: str, language: str) -> frozenset[str]:
    numbered = {match.lower() for match in _NUMBERED.findall(text) if not days(match, language)}
    return (names(text, language) | numbered) - days(text, language)
