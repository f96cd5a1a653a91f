"""Finds the numbers in a text, in digits or spelled out, and puts them into one form."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from text_to_num import find_numbers

from schema.core.wire import ENGLISH

_SPELLED = frozenset({"da", "de", "en", "es", "fr", "it", "nl", "pt"})
"""Languages in which spelled-out numbers are understood. In other languages only digits are."""
_DECIMAL_COMMA = _SPELLED - {ENGLISH}
_TOKEN = re.compile(r"[^\W_]+(?:[.,:'’\-][^\W_]+)*|\s+|[^\w\s]|_")
_DIGITS = re.compile(r"^(\d[\d.,:]*)(st|nd|rd|th|k|m|s|am|pm)?$")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_VAGUE_ORDINAL = 3


@dataclass(frozen=True, slots=True)
class _Token:
    """A word, a punctuation mark or white space, with the interface that text2num expects."""

    written: str
    counts: bool = True

    def text(self) -> str:
        return self.written

    def nt_separated(self, _before: _Token) -> bool:
        return False

    def not_a_number_part(self) -> bool:
        return not self.counts


@lru_cache(maxsize=8192)
def is_number(word: str, language: str) -> bool:
    """Whether *word* is a number, in digits or spelled out."""
    low = word.lower()
    return bool(_DIGITS.match(low)) or bool(_found([low], language))


@lru_cache(maxsize=4096)
def numbers(text: str, language: str) -> frozenset[str]:
    """The numbers in *text* as digits: `the ninth`, `9th` and `9` are equal, and so are `five hundred` and `500`."""
    tokens = _TOKEN.findall(text.lower())
    digits = [_plain(match[1], language) for token in tokens if (match := _DIGITS.match(token))]
    return frozenset([*digits, *_spelled(tokens, language)])


def _plain(digits: str, language: str) -> str:
    digits = digits.rstrip(".,:")
    if language in _DECIMAL_COMMA:
        digits = digits.translate(str.maketrans(".,", ",."))
    return _THOUSANDS.sub("", digits)


def _spelled(tokens: Sequence[str], language: str) -> list[str]:
    tokens = [part for token in tokens for part in _parts(token, language)]
    found = _found(tokens, language)
    return [_written(each.value) for each in found if not _is_vague(each, found, tokens)]


def _parts(token: str, language: str) -> list[str]:
    """Split `three-thirty`, which is two numbers, but not `twenty-three`, which is one."""
    return [token] if "-" not in token[1:] or _found([token], language) else re.split("(-)", token)


def _found(tokens: Sequence[str], language: str) -> list[Any]:
    if language not in _SPELLED:
        return []
    asked = [_Token(token, language != ENGLISH or _counts(tokens, at)) for at, token in enumerate(tokens)]
    return list(find_numbers(asked, language, threshold=0))


def _counts(tokens: Sequence[str], at: int) -> bool:
    """Whether an English token may be part of a number.

    The `o` of `three o'clock`, the `one` of `one of them`, and plurals such as `the ones` and `thousands` may not.
    """
    word, following = tokens[at], [token for token in tokens[at + 1 : at + 3] if not token.isspace()]
    return not (word == "o" or word.endswith("s") or (word == "one" and following[:1] == ["of"]))


def _is_vague(number: Any, found: Sequence[Any], tokens: Sequence[str]) -> bool:
    """Whether *number* counts nothing, as in `one idea`, `ein Mann` and `the second point`.

    Such words count only next to other numbers.
    """
    if number.value != 1 and not (number.is_ordinal and number.value <= _VAGUE_ORDINAL):
        return False
    return not any(_are_neighbours(number, other, tokens) for other in found if other is not number)


def _are_neighbours(one: Any, other: Any, tokens: Sequence[str]) -> bool:
    first, second = sorted((one, other), key=lambda number: int(number.start))
    return not any(token[0].isalnum() for token in tokens[first.end : second.start])


def _written(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)
