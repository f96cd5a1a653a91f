"""The day on which an action is due, counted from the day of the meeting."""

from __future__ import annotations

from datetime import date

import pytest

from schema.minutes.due_date import due_date

WEDNESDAY = date(2026, 3, 4)


@pytest.mark.parametrize(
    ("due", "day"),
    [
        ("today", date(2026, 3, 4)),
        ("tomorrow afternoon", date(2026, 3, 5)),
        ("day after tomorrow", date(2026, 3, 6)),
        ("Thursday", date(2026, 3, 5)),
        ("Thursday at noon", date(2026, 3, 5)),
        ("this Friday", date(2026, 3, 6)),
        ("Wednesday", date(2026, 3, 11)),
        ("next Monday", date(2026, 3, 9)),
        ("next Friday", date(2026, 3, 13)),
        ("the 9th of May", date(2026, 5, 9)),
        ("May 9", date(2026, 5, 9)),
        ("January the 2nd", date(2027, 1, 2)),
        ("in two weeks", date(2026, 3, 18)),
        ("within 10 days", date(2026, 3, 14)),
        ("in a month", date(2026, 4, 4)),
        ("end of the month", date(2026, 3, 31)),
        ("end of the year", date(2026, 12, 31)),
        ("end of day", date(2026, 3, 4)),
        ("end of Friday", date(2026, 3, 6)),
        ("Friday, the 13th", date(2026, 3, 13)),
        ("Monday, the ninth", date(2026, 3, 9)),
        ("Monday, the ninth of March", date(2026, 3, 9)),
        ("Tuesday of next week", date(2026, 3, 10)),
        ("the twenty-first of June", date(2026, 6, 21)),
        ("5 March 2027", date(2027, 3, 5)),
        ("March 5, 2027", date(2027, 3, 5)),
        ("2026-04-01", date(2026, 4, 1)),
        ("by Friday at 5 pm", date(2026, 3, 6)),
    ],
)
def test_words_that_mean_one_day_have_a_date(due: str, day: date) -> None:
    assert due_date(due, WEDNESDAY) == day


@pytest.mark.parametrize(
    "due",
    ["next week", "after Friday", "before Monday", "the next meeting", "soon", "", "30 February", "in 99999 weeks",
     "Friday or Monday", "Monday, the ninth of May", "Tuesday, the thirtieth", "2026-02-30",
     "a Friday", "in \u00b2 days"],
)  # fmt: skip
def test_words_that_mean_no_certain_day_have_none(due: str) -> None:
    assert due_date(due, WEDNESDAY) is None


@pytest.mark.parametrize(
    ("due", "day"),
    [
        ("heute noch", date(2026, 3, 4)),
        ("heute Abend", date(2026, 3, 4)),
        ("morgen früh um acht", date(2026, 3, 5)),
        ("Übermorgen", date(2026, 3, 6)),
        ("bis Freitag", date(2026, 3, 6)),
        ("Freitagnachmittag", date(2026, 3, 6)),
        ("spätestens am Freitag", date(2026, 3, 6)),
        ("nächsten Freitag", date(2026, 3, 6)),
        ("Mittwoch", date(2026, 3, 11)),
        ("nächste Woche Dienstag", date(2026, 3, 10)),
        ("Freitag nächster Woche", date(2026, 3, 13)),
        ("Montag in einer Woche", date(2026, 3, 16)),
        ("am 3. März", date(2027, 3, 3)),
        ("am 9. März", date(2026, 3, 9)),
        ("bis zum dreißigsten Juni", date(2026, 6, 30)),
        ("bis zehnten Januar 2028", date(2028, 1, 10)),
        ("Freitag, den 13. März", date(2026, 3, 13)),
        ("9.3.", date(2026, 3, 9)),
        ("bis 09.03.2027", date(2027, 3, 9)),
        ("am zweiundzwanzigsten", date(2026, 3, 22)),
        ("bis zum ersten", date(2026, 4, 1)),
        ("in zwei Wochen", date(2026, 3, 18)),
        ("in einem Monat", date(2026, 4, 4)),
        ("bis Ende des Monats", date(2026, 3, 31)),
        ("Ende Februar", date(2027, 2, 28)),
        ("Monatsende", date(2026, 3, 31)),
        ("d'ici vendredi", date(2026, 3, 6)),
        ("d’ici à mercredi", date(2026, 3, 11)),
        ("d'ici vendredi en huit", date(2026, 3, 13)),
        ("Demain matin", date(2026, 3, 5)),
        ("après-demain", date(2026, 3, 6)),
        ("cet après-midi", date(2026, 3, 4)),
        ("aujourd'hui avant dix-sept heures", date(2026, 3, 4)),
        ("mardi à huit heures", date(2026, 3, 10)),
        ("vendredi de la semaine prochaine", date(2026, 3, 13)),
        ("le 9 mars", date(2026, 3, 9)),
        ("le premier juin", date(2026, 6, 1)),
        ("pour le quinze novembre", date(2026, 11, 15)),
        ("vendredi vingt-sept", date(2026, 3, 27)),
        ("le vingt et un", date(2026, 3, 21)),
        ("dans quinze jours", date(2026, 3, 19)),
        ("d'ici la fin du mois", date(2026, 3, 31)),
        ("fin juillet", date(2026, 7, 31)),
        ("09/03/2026", date(2026, 3, 9)),
        ("el martes que viene", date(2026, 3, 10)),
        ("Mañana a primera hora", date(2026, 3, 5)),
        ("pasado mañana", date(2026, 3, 6)),
        ("hoy mismo", date(2026, 3, 4)),
        ("para el viernes de la semana que viene", date(2026, 3, 13)),
        ("hasta el lunes al mediodía", date(2026, 3, 9)),
        ("el viernes por la tarde", date(2026, 3, 6)),
        ("el próximo jueves", date(2026, 3, 5)),
        ("el 9 de marzo", date(2026, 3, 9)),
        ("el dos de junio de 2027", date(2027, 6, 2)),
        ("primero de julio", date(2026, 7, 1)),
        ("el treinta", date(2026, 3, 30)),
        ("el viernes trece", date(2026, 3, 13)),
        ("dentro de tres días", date(2026, 3, 7)),
        ("para fin de mes", date(2026, 3, 31)),
        ("el lunes a las nueve", date(2026, 3, 9)),
    ],
)
def test_words_in_german_french_and_spanish_that_mean_one_day_have_a_date(due: str, day: date) -> None:
    assert due_date(due, WEDNESDAY) == day


@pytest.mark.parametrize(
    "due",
    ["nächste Woche", "vor Freitag", "ab Montag", "Mitte März", "30. Februar", "Montag, den 10. März", "am Wochenende",
     "bis fünf", "freitags", "la semaine prochaine", "avant vendredi", "le trente-deux", "à midi", "32/13",
     "esta semana", "antes del viernes", "a mediados de febrero", "luego", "el treinta de febrero"],
)  # fmt: skip
def test_words_in_other_languages_that_mean_no_certain_day_have_none(due: str) -> None:
    assert due_date(due, WEDNESDAY) is None
