"""Names of weekdays and months in the languages in which due times are understood, in lower case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CalendarNames:
    """`weekdays` begin on Monday, `months` with January. A name has one or more spellings, the usual one first."""

    weekdays: tuple[tuple[str, ...], ...]
    months: tuple[tuple[str, ...], ...]

    @property
    def words(self) -> frozenset[str]:
        return frozenset(word for names in (*self.weekdays, *self.months) for word in names)


def _names(text: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(name.split("|")) for name in text.split())


CALENDARS: Mapping[str, CalendarNames] = {
    "en": CalendarNames(
        _names("monday tuesday wednesday thursday friday saturday sunday"),
        _names("january february march april may june july august september october november december"),
    ),
    "de": CalendarNames(
        _names("montag dienstag mittwoch donnerstag freitag samstag|sonnabend sonntag"),
        _names(
            "januar|jänner februar|feber märz april mai juni|juno juli|julei august september oktober november dezember"
        ),
    ),
    "fr": CalendarNames(
        _names("lundi mardi mercredi jeudi vendredi samedi dimanche"),
        _names("janvier février mars avril mai juin juillet août|aout septembre octobre novembre décembre"),
    ),
    "es": CalendarNames(
        _names("lunes martes miércoles jueves viernes sábado domingo"),
        _names("enero febrero marzo abril mayo junio julio agosto septiembre|setiembre octubre noviembre diciembre"),
    ),
}
