"""Words of a text in a form in which they can be compared: stems and names."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable
from functools import lru_cache

from workers.summarize.text.numbers import is_number
from workers.summarize.text.stop_words import FUNCTION_WORDS, STOP_WORDS

_WORD = re.compile(r"[^\W_]+(?:['’.:,\-][^\W_]+)*")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")

_SUFFIXES = ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ied", "ers", "ed", "es", "er", "ly", "s")


def words(text: str) -> list[str]:
    """The words of *text* as written, without punctuation; each character of a script without spaces is a word."""
    found: list[str] = []
    for word in _WORD.findall(text):
        found += list(word) if _WIDE.search(word) else [word]
    return found


def count_words(text: str) -> int:
    """How long *text* is in words. Two characters of a script without spaces count as one word."""
    return len(text.split()) + len(_WIDE.findall(text)) // 2


def stem(word: str) -> str:
    """A crude English stem, good enough to match `reviews` with `reviewed`; other languages keep most of the word."""
    word = word.lower().replace("’", "'").removesuffix("'s")
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 3 and not word.endswith("ss"):
            base = word[: -len(suffix)] + ("y" if suffix in ("ies", "ied") else "")
            return _undouble(base).removesuffix("e")
    return word.removesuffix("e") if len(word) > 4 else word


def _undouble(base: str) -> str:
    return base[:-1] if len(base) > 3 and base[-1] == base[-2] and base[-1] not in "lsz" else base


@lru_cache(maxsize=4096)
def content_stems(text: str) -> tuple[str, ...]:
    """Stems of the words that carry meaning, in order, repeats kept. Numbers are left to `numbers`."""
    found = (word for word in words(text) if word.lower().replace("’", "'") not in STOP_WORDS)
    return tuple(stem(word) for word in found if not is_number(word))


@lru_cache(maxsize=4096)
def names(text: str) -> frozenset[str]:
    """Capitalised words inside sentences, lowercased: people, weekdays, products. The first word says nothing."""
    found = words(text)[1:]
    return frozenset(
        word.lower().removesuffix("'s")
        for word in found
        if word[0].isupper() and word.lower().replace("’", "'") not in STOP_WORDS and not is_number(word)
    )


def is_english(text: str) -> bool:
    """Whether English function words are as common in *text* as they are in English; true for fewer than five words."""
    found = [word.lower() for word in words(text)]
    return len(found) < 5 or sum(word in FUNCTION_WORDS for word in found) >= 0.18 * len(found)


def idf(documents: Collection[Iterable[str]]) -> dict[str, float]:
    """Inverse document frequency of each stem, never below one third."""
    seen: Counter[str] = Counter(word for document in documents for word in set(document))
    return {word: max(math.log((1 + len(documents)) / (1 + count)), 1 / 3) for word, count in seen.items()}
