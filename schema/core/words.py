"""Cuts texts into words and counts them, in scripts with and without spaces between words."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

import regex

_KANA = r"\p{Hiragana}\p{Katakana}ーｰ"
_SOUTHEAST = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tibetan}"
_UNSPACED = rf"\p{{Han}}{_KANA}{_SOUTHEAST}"
"""Scripts that put no space between words."""
_SPACED = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{_UNSPACED}]]"
_WORD = regex.compile(
    rf"(?P<unspaced>[[\p{{L}}\p{{M}}\p{{N}}]&&[{_UNSPACED}]]\p{{M}}*)+|{_SPACED}+(?:['’.:,\-]{_SPACED}+)*", regex.V1
)
_CHARACTER = regex.compile(r"\X")
_LETTERS_PER_WORD = (
    (regex.compile(r"\p{Han}"), 1.5),
    (regex.compile(f"[{_KANA}]"), 3.0),
    (regex.compile(rf"[\p{{L}}&&[{_SOUTHEAST}]]", regex.V1), 4.5),
)
"""This many letters say as much as one English word; see docs/decisions/0014-counting-words.md."""
_ANY_UNSPACED = regex.compile(f"[{_UNSPACED}]")
_SPACED_WORD = regex.compile(f"{_SPACED}+", regex.V1)
_WORD_END = regex.compile(rf"[{_UNSPACED}]\p{{M}}*\p{{P}}*|\s+|(?=[{_UNSPACED}])|$")


def words(text: str) -> list[str]:
    """The words of *text* as written, without punctuation. In a script without spaces, each character is a word."""
    return [word for run in word_runs(text) for word in run]


def word_runs(text: str) -> Iterator[list[str]]:
    """One list for each word. Adjacent characters of a script without spaces share a list."""
    for match in _WORD.finditer(text):
        yield letters(match[0]) if match["unspaced"] else [match[0]]


def letters(word: str) -> list[str]:
    """The letters of *word*, each with its combining marks."""
    return list(_CHARACTER.findall(word))


def count_words(text: str) -> int:
    """The number of words in *text*. In scripts without spaces, each letter counts as a fraction of a word.

    If a text is cut at spaces, the counts of its parts add up to the count of the whole.
    """
    return sum(map(_length, text.split()))


def _length(token: str) -> int:
    if token.isascii() or not _ANY_UNSPACED.search(token):
        return 1
    unspaced = sum(len(letter.findall(token)) / per_word for letter, per_word in _LETTERS_PER_WORD)
    return max(1, round(unspaced + len(_SPACED_WORD.findall(token))))


def first_words(text: str, limit_words: int) -> str:
    """The longest beginning of *text* with at most *limit_words* words. It never ends inside a word."""
    ends = [0, *word_ends(text)]
    fitting = bisect_right(ends, limit_words, key=lambda end: count_words(text[:end]))
    return text[: ends[fitting - 1]]


def word_ends(text: str) -> list[int]:
    """The indices at which *text* may be cut: after white space, and between letters of a script without spaces."""
    return list(dict.fromkeys(match.end() for match in _WORD_END.finditer(text) if match.end()))
