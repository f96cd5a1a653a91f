"""How a text that goes round in circles is told from one that does not."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

LONGEST_PERIOD = 24
"""Tokens; a loop longer than this is left to the guard's compression ratio."""
_FEWEST_TOKENS = 12


def runs_away(tokens: Sequence[int]) -> bool:
    """Whether *tokens* end in the same stretch over and over, at least four times and twelve tokens."""
    return any(_repeats(tokens, period) for period in range(1, LONGEST_PERIOD + 1))


def _repeats(tokens: Sequence[int], period: int) -> bool:
    need = max(4 * period, _FEWEST_TOKENS)
    if len(tokens) < need:
        return False
    return all(tokens[-i] == tokens[-i - period] for i in range(1, need - period + 1))


def compression_ratio(text: str) -> float:
    """Bytes of *text* over its bytes compressed by zlib, as Whisper's authors measure repetition."""
    raw = text.encode()
    return len(raw) / len(zlib.compress(raw)) if raw else 0.0


def repeated_phrase(words: Sequence[str]) -> str:
    """A phrase of up to eight words said over and over without a break, or "": four times, a single word six times."""
    spoken = [word.strip(" .,!?;:").lower() for word in words]
    for length in range(1, 9):
        times = 6 if length == 1 else 4
        for first in range(len(spoken) - times * length + 1):
            phrase = spoken[first : first + length]
            if phrase * times == spoken[first : first + times * length]:
                return " ".join(phrase)
    return ""
