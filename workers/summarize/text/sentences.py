"""Where a sentence ends. Every word of the text is in exactly one sentence."""

from __future__ import annotations

import re

_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|(?<=[。！？])\s*")
_NO_END = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|prof|st|vs|etc|e\.g|i\.e|approx|inc|ltd|no|nr|ca|bzw|z\.b)|\b[A-Z])\.$", re.IGNORECASE
)


def split_sentences(text: str) -> list[str]:
    """The sentences of *text*, white space made single. Joined by spaces they hold the words of *text* in order."""
    pieces = [" ".join(piece.split()) for piece in _END.split(text)]
    found: list[str] = []
    for piece in filter(None, pieces):
        if found and _goes_on(found[-1], piece):
            found[-1] = f"{found[-1]} {piece}"
        else:
            found.append(piece)
    return found


def _goes_on(before: str, piece: str) -> bool:
    if before.lower().endswith(("no.", " nr.")):
        return piece[0].isdigit()
    return bool(_NO_END.search(before)) and not before.endswith(" I.")
