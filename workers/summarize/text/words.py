"""Counts the words of a text, and puts them into forms that can be compared: stems and names."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from itertools import pairwise
from typing import Any

import regex
import snowballstemmer

from workers.summarize.text.numbers import is_number
from workers.summarize.text.stop_words import stop_words

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

STEMMERS = {
    "ar": "arabic",
    "ca": "catalan",
    "cs": "czech",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "et": "estonian",
    "eu": "basque",
    "fa": "persian",
    "fi": "finnish",
    "fr": "french",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pl": "polish",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
"""Snowball's stemmer for each language that has one."""


def words(text: str) -> list[str]:
    """The words of *text* as written, without punctuation. In a script without spaces, each character is a word."""
    return [word for run in _runs(text) for word in run]


def _runs(text: str) -> Iterator[list[str]]:
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
    return [match.end() for match in _WORD_END.finditer(text) if match.end()]


def stem(word: str, language: str) -> str:
    """*word* in lower case without its inflectional ending: `reviews` and `reviewed` have the same stem.

    In a language without a stemmer the word is only put into lower case.
    """
    return _stem(word.lower().replace("’", "'"), STEMMERS.get(language))


@lru_cache(maxsize=16384)
def _stem(word: str, algorithm: str | None) -> str:
    return word if algorithm is None else str(_stemmer(algorithm).stemWord(word))


@lru_cache(maxsize=4)
def _stemmer(algorithm: str) -> Any:
    return snowballstemmer.stemmer(algorithm)


@lru_cache(maxsize=4096)
def content_stems(text: str, language: str) -> tuple[str, ...]:
    """Stems of the words that carry meaning, in order and with repeats. Numbers are left to `numbers`."""
    found = (word for run in _runs(text) for word in _pairs(run))
    told = (word for word in found if not _is_stop_word(word, language) and not is_number(word, language))
    return tuple(stem(word, language) for word in told)


def _pairs(run: list[str]) -> list[str]:
    """A word as it is, or each pair of neighbouring characters of a script without spaces: one says too little."""
    return ["".join(pair) for pair in pairwise(run)] or run


def _is_stop_word(word: str, language: str) -> bool:
    return word.lower().replace("’", "'") in stop_words(language)


@lru_cache(maxsize=4096)
def names(text: str, language: str) -> frozenset[str]:
    """Capitalised words in lower case: people, weekdays, products. The first word of *text* has a capital anyway."""
    found = words(text)[1:]
    return frozenset(
        word.lower().removesuffix("'s")
        for word in found
        if word[0].isupper() and not _is_stop_word(word, language) and not is_number(word, language)
    )


def idf(documents: Collection[Iterable[str]]) -> dict[str, float]:
    """Inverse document frequency of each stem, never below one third."""
    seen: Counter[str] = Counter(word for document in documents for word in set(document))
    return {word: max(math.log((1 + len(documents)) / (1 + count)), 1 / 3) for word, count in seen.items()}
