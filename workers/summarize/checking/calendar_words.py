"""Weekdays and months in English, German, French and Spanish, in forms that can be compared."""

from __future__ import annotations

import re
from functools import lru_cache

_WEEKDAYS = {
    "en": "monday tuesday wednesday thursday friday saturday sunday",
    "de": "montag dienstag mittwoch donnerstag freitag samstag sonntag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "es": "lunes martes miércoles jueves viernes sábado domingo",
}
_MONTHS = {
    "en": "january february march april may june july august september october november december",
    "de": "januar februar märz april mai juni juli august september oktober november dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
}
_OTHER = {"sonnabend": "samstag", "jänner": "januar", "feber": "februar", "setiembre": "septiembre"}
_CAPITAL_ONLY = {"may", "march"}
WEEKDAYS = frozenset(" ".join(_WEEKDAYS.values()).split())
_WORD = re.compile(r"[^\W\d_]+")


@lru_cache(maxsize=4096)
def calendar_words(text: str, language: str) -> frozenset[str]:
    """The weekdays and months in *text*, in lower case. Their plurals and compounds such as `Freitagabend` count too.

    English `May` and `March` count only with a capital letter.
    """
    return frozenset(found for word in _WORD.findall(text) if (found := _calendar_word(word, language)))


def _calendar_word(word: str, language: str) -> str | None:
    low = word.lower()
    if low in _CAPITAL_ONLY and word == low and language == "en":
        return None
    low = next((plain for other, plain in _OTHER.items() if low.startswith(other)), low)
    days, months = _WEEKDAYS.get(language, "").split(), _MONTHS.get(language, "").split()
    if language == "de":
        return next((day for day in days if low.startswith(day)), low if low in months else None)
    plain = low if low in days or low in months else low.removesuffix("s")
    return plain if plain in days or plain in months else None
