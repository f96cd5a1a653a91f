"""Puts the words of a text into forms that can be compared: stems and names."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Any

import snowballstemmer

from schema.core.words import word_runs, words
from workers.summarize.text.numbers import is_number
from workers.summarize.text.stop_words import stop_words

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
    found = (word for run in word_runs(text) for word in _pairs(run))
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
