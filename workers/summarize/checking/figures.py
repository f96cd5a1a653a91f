"""Finds out whether a figure of the minutes was said, although people say figures in many ways."""

from __future__ import annotations

import re
from collections.abc import Collection

_VAGUE = 3
"""Figures up to this one are often said in other words, such as `the first of May` and `a couple`."""


def is_said(number: str, heard: Collection[str]) -> bool:
    """Whether *number*, as `numbers` gives it, is among those that were *heard*.

    `260` thousand counts as `260000`, `86` as `0.86`, `seven fifty` as `750`, and `14` with `10` as `14.10`.
    """
    if number in heard or (number.isdigit() and int(number) <= _VAGUE):
        return True
    digits = _significant(number)
    if any(_significant(other) == digits for other in heard):
        return True
    parts = re.split(r"[.,:]", number)
    if len(parts) > 1 and all(part.lstrip("0") in heard or part.strip("0") == "" for part in parts):
        return True
    whole = re.sub(r"\D", "", number)
    return any(whole[:at] in heard and whole[at:] in heard for at in range(1, len(whole)))


def _significant(number: str) -> str:
    """The digits of *number* without separators, and without zeros at both ends."""
    return re.sub(r"\D", "", number).strip("0")
