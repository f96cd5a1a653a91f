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


def spellings(text: str) -> tuple[tuple[str, ...], ...]:
    """The spellings of each name in *text*, such as `samstag|sonnabend`. `_` stands for a space inside a name."""
    return tuple(tuple(name.replace("_", " ").split("|")) for name in text.split())


CALENDARS: Mapping[str, CalendarNames] = {
    "en": CalendarNames(
        spellings("monday tuesday wednesday thursday friday saturday sunday"),
        spellings("january february march april may june july august september october november december"),
    ),
    "de": CalendarNames(
        spellings("montag dienstag mittwoch donnerstag freitag samstag|sonnabend sonntag"),
        spellings(
            "januar|jänner februar|feber märz april mai juni|juno juli|julei august september oktober november dezember"
        ),
    ),
    "fr": CalendarNames(
        spellings("lundi mardi mercredi jeudi vendredi samedi dimanche"),
        spellings("janvier février mars avril mai juin juillet août|aout septembre octobre novembre décembre"),
    ),
    "es": CalendarNames(
        spellings("lunes martes miércoles jueves viernes sábado domingo"),
        spellings("enero febrero marzo abril mayo junio julio agosto septiembre|setiembre octubre noviembre diciembre"),
    ),
}
