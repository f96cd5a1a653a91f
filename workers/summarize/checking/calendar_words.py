"""The weekdays and months of a text, in one spelling each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache, lru_cache

from schema.core.wire import ENGLISH
from schema.minutes.calendar_names import CALENDARS

_CAPITAL_ONLY = {"may", "march"}
_COMPOUNDING = "de"
WEEKDAYS = frozenset(names[0] for calendar in CALENDARS.values() for names in calendar.weekdays)
_WORD = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=4096)
def calendar_words(text: str, language: str) -> frozenset[str]:
    """The weekdays and months in *text*, in lower case. Their plurals and compounds such as `Freitagabend` count too.

    English `May` and `March` count only with a capital letter.
    """
    return frozenset(found for word in _WORD.findall(text) if (found := _calendar_word(word, language)))


def _calendar_word(word: str, language: str) -> str | None:
    low = word.lower()
    if low in _CAPITAL_ONLY and word == low and language == ENGLISH:
        return None
    usual = _usual_spellings(language)
    if language == _COMPOUNDING:
        weekday = next((name for name in usual if usual[name] in WEEKDAYS and low.startswith(name)), low)
        return usual.get(weekday)
    return usual.get(low, usual.get(low.removesuffix("s")))


@cache
def _usual_spellings(language: str) -> Mapping[str, str]:
    """The usual spelling of each spelling."""
    return dict(_pairs(language))


def _pairs(language: str) -> Iterator[tuple[str, str]]:
    if language in CALENDARS:
        calendar = CALENDARS[language]
        yield from ((name, names[0]) for names in (*calendar.weekdays, *calendar.months) for name in names)
