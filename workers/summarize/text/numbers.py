"""Numbers in a text, in digits or spelled, in one form."""

from __future__ import annotations

import re
from functools import lru_cache

_TOKEN = re.compile(r"[^\W_]+(?:[.,:\-][^\W_]+)*")
_DIGITS = re.compile(r"^(\d[\d.,:]*)(st|nd|rd|th|k|m|s|am|pm)?$")

_UNITS = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
eighteen nineteen twenty
"""
_ORDINALS = """
zeroth first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth
fifteenth sixteenth seventeenth eighteenth nineteenth twentieth
"""
_TENS = "_ _ twenty thirty forty fifty sixty seventy eighty ninety"
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_VALUES = (
    {word: value for value, word in enumerate(_UNITS.split())}
    | {word: value for value, word in enumerate(_ORDINALS.split())}
    | {word: 10 * value for value, word in enumerate(_TENS.split()) if value > 1}
    | _SCALES
)
_VAGUE = frozenset({"one", "first", "second", "third"})
"""`One of them`, `second point`: words that count nothing when they stand alone."""


def is_number(word: str) -> bool:
    """Whether *word* is digits or a spelled number."""
    return bool(_DIGITS.match(word.lower())) or word.lower() in _VALUES


@lru_cache(maxsize=4096)
def numbers(text: str) -> frozenset[str]:
    """The numbers in *text* in digits: `the ninth`, `9th` and `9` are equal, as are `five hundred` and `500`."""
    found: list[str] = []
    spelled: list[str] = []
    for word in _split(text):
        if word in _VALUES:
            spelled.append(word)
            continue
        found += _values(spelled)
        spelled = []
        if match := _DIGITS.match(word):
            found.append(_plain(match[1]))
    return frozenset(found + _values(spelled))


def _split(text: str) -> list[str]:
    """Lowercase tokens, `twenty-three` as two."""
    found: list[str] = []
    for token in _TOKEN.findall(text.lower()):
        parts = token.split("-")
        found += parts if all(part in _VALUES for part in parts) else [token]
    return found


def _plain(digits: str) -> str:
    return re.sub(r"(?<=\d),(?=\d{3}\b)", "", digits.rstrip(".,:"))


def _values(spelled: list[str]) -> list[str]:
    """`five hundred` is 500 and `twenty three` is 23, but `two four` stays two numbers."""
    if len(spelled) == 1 and spelled[0] in _VAGUE:
        return []
    found: list[int] = []
    for word in spelled:
        value = _VALUES[word]
        if found and word in _SCALES and found[-1] < value:
            found[-1] *= value
        elif found and _adds(found[-1], value):
            found[-1] += value
        else:
            found.append(value)
    return [str(value) for value in found]


def _adds(before: int, value: int) -> bool:
    return value < 100 <= before or (0 < value < 10 and before % 10 == 0 and 20 <= before < 100)
