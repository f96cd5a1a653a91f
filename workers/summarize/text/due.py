"""Finds when something is due, in the words of the meeting."""

from __future__ import annotations

import re
from functools import lru_cache

from schema.core.wire import ENGLISH
from schema.minutes.calendar_names import CALENDARS
from schema.minutes.due_phrases import LANGUAGES, DuePhrases

_DAY = r"(?:mon|tues|wednes|thurs|fri|satur|sun)day"
_MONTH = r"(?:january|february|march|april|may|june|july|august|september|october|november|december)"
_COUNT = r"(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|\d+|a couple of|a few)"
_ORDINAL = (
    r"(?:\d{1,2}(?:st|nd|rd|th)|first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|eleventh|twelfth|"
    r"thirteenth|fourteenth|fifteenth|sixteenth|seventeenth|eighteenth|nineteenth|twentieth|twenty[- ]\w+th|thirtieth)"
)
_PART = r"(?:\s+(?:morning|noon|afternoon|evening|night))?"
_HOUR = (
    r"(?:\s+at\s+(?:noon|midnight|lunch|\d{1,2}(?:[:.]\d\d)?(?:\s?[ap]m)?|"
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve))?"
)
_WHEN = "|".join(
    [
        rf"(?:end of\s+)?(?:(?:next|this|coming)\s+)?{_DAY}(?:,?\s+(?:the\s+)?{_ORDINAL})?{_PART}{_HOUR}",
        rf"(?:the\s+)?{_ORDINAL}\s+(?:of\s+)?{_MONTH}",
        rf"{_MONTH}\s+(?:the\s+)?(?:{_ORDINAL}|\d{{1,2}})\b",
        r"(?:(?:the\s+)?(?:end|middle|start|beginning) of\s+)?"
        r"(?:next|this|the)\s+(?:week|month|quarter|year|sprint|weekend)\b",
        r"(?:next|this) (?:meeting|afternoon|evening|morning|time)",
        rf"today|tonight|tomorrow{_PART}{_HOUR}|day after tomorrow",
        rf"(?:in|within) {_COUNT}(?: more)? (?:minutes?|hours?|days?|weeks?|months?)",
        r"end of (?:the )?(?:day|week|month|quarter|year)",
    ]
)
_DATE = re.compile(
    rf"\b(?:(?P<lead>by|before|until|till|after|on|in|not later than|no later than)\s+)?(?P<when>{_WHEN})", re.I
)
_LOOSE = re.compile(rf"\b(?:by|before|until)\s+(?:noon|lunch|{_MONTH}|the (?:next )?[a-z]+)\b", re.I)
_KEPT_LEADS = frozenset({"before", "after"})
_NOT_DUE = frozenset({"the way", "the time", "the end"})


def find_due(text: str, language: str = ENGLISH) -> str | None:
    """The time at which *text* says that something is due, or None. A date comes without its `by` or `on`.

    The first date after a word such as `by`, `until` or `on` is preferred, then the first date at all. English, German,
    French and Spanish are understood.
    """
    if language != ENGLISH:
        return _find_other(text, LANGUAGES[language]) if language in LANGUAGES else None
    dated = list(_DATE.finditer(text))
    if dated:
        best = max(dated, key=lambda match: (_is_lead(match["lead"]), -match.start()))
        lead = (best["lead"] or "").lower()
        return f"{lead} {best['when']}" if lead in _KEPT_LEADS else best["when"]
    loose = _LOOSE.search(text)
    if loose is None or loose[0].split(maxsplit=1)[1].lower() in _NOT_DUE:
        return None
    return loose[0]


def _find_other(text: str, phrases: DuePhrases) -> str | None:
    found = list(phrases.finder.finditer(text))
    best = max(found, key=lambda match: (_is_limit(match["lead"]), -match.start()), default=None)
    return None if best is None else " ".join(filter(None, (best["open"], best["when"])))


def _is_limit(lead: str | None) -> bool:
    """Whether *lead* says until when. German `am` only says when."""
    return (lead or "am").lower() != "am"


def _is_lead(lead: str | None) -> bool:
    return (lead or "").lower() in {"by", "until", "till", "no later than", "not later than", "on"}


def due_words(text: str | None) -> frozenset[str]:
    """The words of a due time that distinguish it from other times."""
    found = re.findall(r"[a-z0-9]+", (text or "").lower())
    return frozenset(found) - {"the", "of", "on", "by", "at", "in", "a", "this", "until", "before", "after"}


_NEAR = {
    "en": ("today", "tomorrow", "tonight"),
    "de": ("heute", "übermorgen"),
    "fr": ("aujourd'hui", "demain"),
    "es": ("hoy",),
}
"""Without `morgen` and `mañana`, which also mean the morning."""


@lru_cache(maxsize=4096)
def days(text: str, language: str = ENGLISH) -> frozenset[str]:
    """Weekdays, months and words such as `today` in *text*, in lower case. `May` counts only with a capital letter."""
    return frozenset(match.lower() for match in _day_names(language).findall(text) if match != "may")


@lru_cache(maxsize=8)
def _day_names(language: str) -> re.Pattern[str]:
    """Finds days in *language*, English ones in a language without a calendar. `Freitag` is also in `Freitagabend`."""
    code = language if language in CALENDARS else ENGLISH
    months = (name for names in CALENDARS[code].months for name in names)
    weekdays = (name for names in CALENDARS[code].weekdays for name in names)
    return re.compile(rf"\b(?:(?:{'|'.join(weekdays)})|(?:{'|'.join((*months, *_NEAR[code]))})\b)", re.I)
