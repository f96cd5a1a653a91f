"""The day on which something is due, from the words of the meeting and the day on which they were said."""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from datetime import date, timedelta

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
YEAR_DAYS = 366

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

    A weekday is the next one after *said_on*, and `next Friday` the one in the following week.
    """
    words = " ".join(due.lower().replace(",", " ").split())
    words = _HOUR.sub("", _LEAD.sub("", words))
    for form, day_of in FORMS.items():
        if match := form.fullmatch(words if form is _ISO else words.replace("-", " ")):
            try:
                return day_of(match, said_on)
            except (ValueError, OverflowError):  # such as 30 February
                return None
    return None


def _iso(match: re.Match[str], _said_on: date) -> date:
    return date.fromisoformat(match[0])


def _near(match: re.Match[str], said_on: date) -> date:
    words = match["near"]
    return said_on + timedelta(2 if words.endswith("after tomorrow") else int(words == "tomorrow"))


def _period_end(match: re.Match[str], said_on: date) -> date:
    month = 12 if match["period"] == "year" else said_on.month
    return date(said_on.year, month, calendar.monthrange(said_on.year, month)[1])


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
    """The first day after *said_on*, within a year, that *suits*."""
    days = (said_on + timedelta(number) for number in range(1, YEAR_DAYS + 1))
    return next(filter(suits, days), None)


def _in(match: re.Match[str], said_on: date) -> date | None:
    count = _count(match["count"])
    if not 0 < count <= COUNT_LIMIT:
        return None
    if match["unit"] != "month":
        return said_on + timedelta(**{f"{match['unit']}s": count})
    years, month = divmod(said_on.month - 1 + count, 12)
    last = calendar.monthrange(said_on.year + years, month + 1)[1]
    return date(said_on.year + years, month + 1, min(said_on.day, last))


def _count(word: str) -> int:
    if word in COUNTS:
        return COUNTS.index(word) + 1
    return int(word) if word.isdecimal() else int(word in ("a", "an"))


def _of_month(match: re.Match[str], said_on: date) -> date:
    """The day of a month: in the named year, else the first time from *said_on* on."""
    month, day = MONTHS.index(match["month"]) + 1, _day_number(match["day"])
    if match["year"]:
        return date(int(match["year"]), month, day)
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
