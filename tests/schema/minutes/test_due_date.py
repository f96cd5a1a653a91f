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
     "Friday or Monday", "Monday, the ninth of May", "2026-02-30", "a Friday", "in \u00b2 days"],
)  # fmt: skip
def test_words_that_mean_no_certain_day_have_none(due: str) -> None:
    assert due_date(due, WEDNESDAY) is None
