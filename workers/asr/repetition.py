"""Detects text that repeats itself."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

LONGEST_PERIOD = 24
"""The longest loop that is looked for, in tokens. The guard's compression ratio finds longer ones."""
_FEWEST_TOKENS = 12


def runs_away(tokens: Sequence[int]) -> bool:
    """Whether *tokens* end in a sequence that repeats at least four times and makes up at least twelve tokens."""
    return any(_repeats(tokens, period) for period in range(1, LONGEST_PERIOD + 1))


def _repeats(tokens: Sequence[int], period: int) -> bool:
    need = max(4 * period, _FEWEST_TOKENS)
    if len(tokens) < need:
        return False
    return all(tokens[-i] == tokens[-i - period] for i in range(1, need - period + 1))


def compression_ratio(text: str) -> float:
    """The bytes of *text* divided by its bytes after zlib: the measure of repetition in openai/whisper."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def repeated_phrase(words: Sequence[str]) -> str:
    """The first phrase in *words* that repeats without a break; "" if there is none.

    A phrase has up to eight words and must stand four times in a row, a single word six times.
    """
    spoken = [word.strip(" .,!?;:").lower() for word in words]
    for length in range(1, 9):
        times = 6 if length == 1 else 4
        for first in range(len(spoken) - times * length + 1):
            phrase = spoken[first : first + length]
            if phrase * times == spoken[first : first + times * length]:
                return " ".join(phrase)
    return ""
