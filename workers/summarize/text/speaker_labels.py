"""Speaker labels with a number, such as `Channel 4` and `Speaker Two`. In a sentence they name who spoke.

The number in such a label is no quantity, so a label is compared as a whole. Other labels are names like all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from schema.core.words import words
from workers.summarize.text.numbers import is_number


class SpeakerLabels:
    """Finds the labels of known speakers in a text of *language*."""

    def __init__(self, speakers: Iterable[str | None], language: str) -> None:
        numbered = {speaker for speaker in speakers if speaker and _is_numbered(speaker, language)}
        longest_first = sorted(numbered, key=lambda label: (-len(label), label))
        patterns = [_pattern(label, language) for label in longest_first]
        self._pattern = re.compile("|".join(patterns), re.I) if patterns else None

    def split(self, text: str) -> tuple[frozenset[str], str]:
        """The labels in *text* in lower case, and the text without them."""
        if self._pattern is None:
            return frozenset(), text
        found = {match[0].rstrip(": ").lower() for match in self._pattern.finditer(text)}
        return frozenset(found), self._pattern.sub(" ", text).strip()


def _is_numbered(label: str, language: str) -> bool:
    return any(is_number(part, language) for part in _parts(label))


def _pattern(label: str, language: str) -> str:
    """Matches the label anywhere. A label that is only a number must stand at the beginning, before a colon."""
    only_number = all(is_number(part, language) for part in _parts(label))
    return rf"^{re.escape(label)}\s*:" if only_number else rf"(?<!\w){re.escape(label)}(?!\w|[.,]\d)"


def _parts(label: str) -> list[str]:
    """The words of a label: `channel-04` and `Speaker_2` have two each, `SPK3` has `SPK` and `3`."""
    return [part for word in words(label) for part in re.findall(r"\d+|[^\W\d_]+", word)]
