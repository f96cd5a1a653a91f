"""Spells names and terms as people write them, where the recogniser wrote other letters for the same sounds."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from itertools import pairwise

from schema.core.wire import ENGLISH
from workers.summarize.text.stop_words import stop_words

WORDS_LIMIT = 4
"""A term is compared with at most so many neighbouring words: recognisers cut unknown words into known ones."""
LEAST_SOUNDS = 3
"""Shorter words sound like too many others."""
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_SOUNDS = (
    *(("ph", "f"), ("th", "t"), ("dt", "t"), ("ck", "k"), ("c", "k"), ("q", "k"), ("x", "ks"), ("z", "s"), ("v", "f")),
    *(("ei", "ai"), ("ey", "ai"), ("ay", "ai"), ("ie", "i"), ("ee", "i"), ("y", "i"), ("oo", "u")),
)
"""Spellings of the same sound in European languages."""


class Spelling:
    """The spelling of *names* of people and of *terms*. The parts of a name count by themselves too."""

    def __init__(self, names: Iterable[str], terms: Iterable[str], language: str = ENGLISH) -> None:
        names = list(names)
        parts = [part for name in names for part in name.split() if len(part) >= LEAST_SOUNDS]
        given = [each for each in dict.fromkeys((*names, *terms, *parts)) if _can_be_heard(each)]
        self._known = frozenset(given)
        self._by_letters = {_letters(term): term for term in reversed(given)}
        self._by_sound = {_sounds(term): term for term in reversed(given) if term[:1].isupper()}
        self._stop_words = stop_words(language)

    def spelled(self, text: str) -> str:
        """*text* with every name and term as it was given."""
        if not self._known:
            return text
        words = list(_WORD.finditer(text))
        pieces, end, at = [], 0, 0
        while at < len(words):
            count, written = self._term_at(text, _neighbours(text, words[at : at + WORDS_LIMIT]))
            if written is not None:
                pieces += [text[end : words[at].start()], written]
                end = words[at + count - 1].end()
            at += count
        return "".join([*pieces, text[end:]])

    def _term_at(self, text: str, words: list[re.Match[str]]) -> tuple[int, str | None]:
        """How many of *words* the term that begins here has, and how it is written. None if they stay as they are."""
        for count in range(len(words), 0, -1):
            heard = text[words[0].start() : words[count - 1].end()]
            if heard in self._known:
                return count, None
            written = self._written(heard)
            if written is not None:
                return count, written
        return 1, None

    def _written(self, heard: str) -> str | None:
        """The term that *heard* means, None if it means none."""
        term = self._by_letters.get(_letters(heard))
        if term is not None:
            return None if self._is_common(heard, term) else _begun_as(heard, term)
        sounds = _sounds(heard)
        is_name = all(word[0].isupper() for word in heard.split()) and heard.lower() not in self._stop_words
        return self._by_sound.get(sounds) if is_name and len(sounds) >= LEAST_SOUNDS else None

    def _is_common(self, heard: str, term: str) -> bool:
        """Whether *heard* is a common word with the letters of *term*: `mark` is not Mark, and `it` is not IT."""
        if heard.lower() in self._stop_words and heard != heard.upper():
            return True
        return heard.islower() and _has_capital_only_at_begin(term)


def _can_be_heard(term: str) -> bool:
    """Whether the letters of *term* tell it from other words. Those of `C++` do not."""
    return len(_letters(term)) > 1 and not _WORD.sub("", term).strip(" .-'’")


def _neighbours(text: str, words: list[re.Match[str]]) -> list[re.Match[str]]:
    """The first of *words* that only a space or a hyphen separates. A term does not reach over a full stop."""
    apart = (at for at, (one, other) in enumerate(pairwise(words), 1) if text[one.end() : other.start()] not in " -")
    return words[: next(apart, len(words))]


def _has_capital_only_at_begin(term: str) -> bool:
    return all(word[:1].isupper() and word[1:] == word[1:].lower() for word in term.split())


def _begun_as(heard: str, term: str) -> str:
    """*term*, with a capital where it begins a sentence."""
    return term[0].upper() + term[1:] if term[0].islower() and heard[0].isupper() else term


def _letters(text: str) -> str:
    """The letters and digits of *text* in lower case, without accents."""
    plain = unicodedata.normalize("NFKD", text.replace("ß", "ss")).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def _sounds(text: str) -> str:
    """A key that is the same for usual spellings of the same sounds, such as `Philipp` and `Filip`."""
    key = _letters(text)
    for spelling, sound in _SOUNDS:
        key = key.replace(spelling, sound)
    key = key[:1] + key[1:].replace("h", "")
    return re.sub(r"(.)\1+", r"\1", key)
