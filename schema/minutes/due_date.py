"""The day on which something is due, from the words of the meeting and the day on which they were said."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta

from schema.minutes.due_phrases import LANGUAGES, DuePhrases

WEEKDAYS = tuple(name.lower() for name in calendar.day_name)
MONTHS = tuple(name.lower() for name in calendar.month_name[1:])
COUNTS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_TEENS = ("thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth")
_UNITS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
ORDINALS = (
    *(*_UNITS, "tenth", "eleventh", "twelfth", *_TEENS),
    *("twentieth", *(f"twenty {unit}" for unit in _UNITS), "thirtieth", "thirty first"),
)
COUNT_LIMIT = 366
"""More days, weeks or months are no date that somebody agreed on."""
NEAR_DAYS = 62
"""A weekday with a day but without a month, as `Monday the ninth`, is in this month or the next, or was misheard."""

_DAY = rf"(?:the )?(?P<day>\d{{1,2}}(?:st|nd|rd|th)?|{'|'.join(ORDINALS)})"
_MONTH = rf"(?P<month>{'|'.join(MONTHS)})(?: (?P<year>\d{{4}}))?"
_NEAR = re.compile(r"(?P<near>today|tonight|tomorrow|(?:the )?day after tomorrow|end of (?:the )?day)")
_PERIOD_END = re.compile(r"(?:the )?end of (?:the |this )?(?P<period>month|year)")
_WEEKDAY = re.compile(
    rf"(?:end of )?(?P<next>next )?(?:this |coming )?(?P<weekday>{'|'.join(WEEKDAYS)})"
    rf"(?P<week> (?:of )?next week)?(?: {_DAY}(?: (?:of )?{_MONTH})?)?"
)
_IN = re.compile(r"(?:in|within) (?P<count>\w+)(?: more)? (?P<unit>day|week|month)s?")
_OF_MONTH = re.compile(rf"{_DAY} (?:of )?{_MONTH}")
_MONTH_DAY = re.compile(rf"(?P<month>{'|'.join(MONTHS)}) {_DAY}(?: (?P<year>\d{{4}}))?")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_LEAD = re.compile(r"^(?:by|on|until|till|not? later than) ")
_HOUR = re.compile(r"(?: (?:morning|noon|afternoon|evening|night))?(?: (?:at|by|before) \S+(?: [ap]m)?)?$")


def due_date(due: str, said_on: date) -> date | None:
    """The day that *due* names, None if it names no single day, as `next week` and `after Friday` do.

    English, German, French and Spanish are understood. A weekday is the next one after *said_on*. English `next Friday`
    is the one in the following week, but `nächsten Freitag`, `vendredi prochain` and `el próximo viernes` are the next.
    """
    plain = " ".join(due.lower().split())
    try:
        return _english(plain, said_on) or _other(plain, said_on)
    except (ValueError, OverflowError):  # such as 30 February
        return None


def _english(due: str, said_on: date) -> date | None:
    words = " ".join(due.replace(",", " ").split())
    words = _HOUR.sub("", _LEAD.sub("", words))
    for form, day_of in FORMS.items():
        if match := form.fullmatch(words if form is _ISO else words.replace("-", " ")):
            return day_of(match, said_on)
    return None


def _other(due: str, said_on: date) -> date | None:
    """The day that *due* names in a language of `schema.minutes.due_phrases`."""
    for phrases in LANGUAGES.values():
        for form in phrases.forms:
            if match := form.fullmatch(due):
                return _named(match.groupdict(), phrases, said_on)
    return None


def _named(named: Mapping[str, str | None], phrases: DuePhrases, said_on: date) -> date | None:
    """The day that the groups of a pattern of *phrases* name."""
    if near := named.get("near"):
        return said_on + timedelta(phrases.near[" ".join(near.split())])
    if count := named.get("count"):
        return _after(said_on, phrases.count(count), phrases.units[named["unit"] or ""])
    if period := named.get("period"):
        return _last_day(said_on.year, said_on.month if period.startswith("m") else 12)
    month = _month(named.get("month"), phrases)
    day = phrases.day(named["day"] or "") if named.get("day") else None
    if weekday := named.get("weekday"):
        return _of_weekday(phrases.weekdays[weekday], day, month, named, said_on)
    if day is None:
        return _last_day(said_on.year + (month < said_on.month), month) if month else None
    if not month:
        return _first(said_on, lambda each: each.day == day)
    return _of_year(month, day, named.get("year"), said_on)


def _month(month: str | None, phrases: DuePhrases) -> int:
    """The number of a month, 0 if none is named."""
    if month is None:
        return 0
    return int(month) if month.isdecimal() else phrases.months[month]


def _of_weekday(
    weekday: int, day: int | None, month: int, named: Mapping[str, str | None], said_on: date
) -> date | None:
    if day is not None and month:
        found = _of_year(month, day, named.get("year"), said_on)
        return found if found.weekday() == weekday else None
    if day is not None:
        return _first(said_on, lambda each: (each.weekday(), each.day) == (weekday, day))
    if named.get("next_week"):
        return said_on + timedelta(7 - said_on.weekday() + weekday)
    coming = _first(said_on, lambda each: each.weekday() == weekday)
    return coming + timedelta(7) if coming and named.get("week_later") else coming


def _iso(match: re.Match[str], _said_on: date) -> date:
    return date.fromisoformat(match[0])


def _near(match: re.Match[str], said_on: date) -> date:
    words = match["near"]
    return said_on + timedelta(2 if words.endswith("after tomorrow") else int(words == "tomorrow"))


def _period_end(match: re.Match[str], said_on: date) -> date:
    return _last_day(said_on.year, 12 if match["period"] == "year" else said_on.month)


def _last_day(year: int, month: int) -> date:
    return date(year, month, calendar.monthrange(year, month)[1])


def _weekday(match: re.Match[str], said_on: date) -> date | None:
    weekday = WEEKDAYS.index(match["weekday"])
    if match["month"]:
        day = _of_month(match, said_on)
        return day if day.weekday() == weekday else None
    if match["day"]:
        return _first(said_on, lambda day: (day.weekday(), day.day) == (weekday, _day_number(match["day"])))
    if match["next"] or match["week"]:
        return said_on + timedelta(7 - said_on.weekday() + weekday)
    return _first(said_on, lambda day: day.weekday() == weekday)


def _first(said_on: date, suits: Callable[[date], bool]) -> date | None:
    """The first day after *said_on*, within NEAR_DAYS, that *suits*."""
    days = (said_on + timedelta(number) for number in range(1, NEAR_DAYS + 1))
    return next(filter(suits, days), None)


def _in(match: re.Match[str], said_on: date) -> date | None:
    return _after(said_on, _count(match["count"]), match["unit"])


def _after(said_on: date, count: int, unit: str) -> date | None:
    if not 0 < count <= COUNT_LIMIT:
        return None
    if unit != "month":
        return said_on + timedelta(**{f"{unit}s": count})
    years, month = divmod(said_on.month - 1 + count, 12)
    last = calendar.monthrange(said_on.year + years, month + 1)[1]
    return date(said_on.year + years, month + 1, min(said_on.day, last))


def _count(word: str) -> int:
    if word in COUNTS:
        return COUNTS.index(word) + 1
    return int(word) if word.isdecimal() else int(word in ("a", "an"))


def _of_month(match: re.Match[str], said_on: date) -> date:
    """The day of a month: in the named year, else the first time from *said_on* on."""
    return _of_year(MONTHS.index(match["month"]) + 1, _day_number(match["day"]), match["year"], said_on)


def _of_year(month: int, day: int, year: str | None, said_on: date) -> date:
    if year:
        return date(int(year), month, day)
    this_year = date(said_on.year, month, day)
    return this_year if this_year >= said_on else date(said_on.year + 1, month, day)


def _day_number(day: str) -> int:
    return ORDINALS.index(day) + 1 if day in ORDINALS else int(day.rstrip("stndrh"))


FORMS: dict[re.Pattern[str], Callable[[re.Match[str], date], date | None]] = {
    _ISO: _iso,
    _NEAR: _near,
    _PERIOD_END: _period_end,
    _WEEKDAY: _weekday,
    _IN: _in,
    _OF_MONTH: _of_month,
    _MONTH_DAY: _of_month,
}
