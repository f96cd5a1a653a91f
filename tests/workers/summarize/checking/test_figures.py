"""Figures of minutes are found in speech, although people say figures in many ways."""

from __future__ import annotations

import pytest

from workers.summarize.checking.calendar_words import calendar_words
from workers.summarize.checking.cues import CUES, DiscourseCue, cues
from workers.summarize.checking.figures import is_said


@pytest.mark.parametrize(
    ("number", "heard"),
    [
        ("12", {"12"}),
        ("260000", {"260"}),
        ("0.86", {"86"}),
        ("14.10", {"14", "10"}),
        ("750", {"7", "50"}),
        ("2", set()),
    ],
)
def test_a_figure_is_found_in_other_words(number: str, heard: set[str]) -> None:
    assert is_said(number, heard)


@pytest.mark.parametrize(("number", "heard"), [("27", {"22", "7"}), ("450", {"45.5", "540"}), ("14.10", {"14", "20"})])
def test_another_figure_is_not(number: str, heard: set[str]) -> None:
    assert not is_said(number, heard)


@pytest.mark.parametrize(
    ("text", "language", "found"),
    [
        ("on Fridays in May", "en", {"friday", "may"}),
        ("it may rain", "en", set()),
        ("am Freitagabend und am Sonnabend", "de", {"freitag", "samstag"}),
        ("les mardis de février", "fr", {"mardi", "février"}),
        ("los sábados", "es", {"sábado"}),
    ],
)
def test_weekdays_and_months_have_one_form(text: str, language: str, found: set[str]) -> None:
    assert calendar_words(text, language) == found


@pytest.mark.parametrize(
    ("text", "language", "cue"),
    [
        ("No, we stay.", "en", DiscourseCue.REFUSES),
        ("Nee, lieber nicht.", "de", DiscourseCue.REFUSES),
        ("On pourrait louer un car.", "fr", DiscourseCue.DOUBTS),
        ("Vale, yo me encargo.", "es", DiscourseCue.AGREES),
        ("We don't need it.", "en", DiscourseCue.DENIES),
        ("Das machen wir stattdessen.", "de", DiscourseCue.TURNS),
    ],
)
def test_cues_are_found_in_four_languages(text: str, language: str, cue: DiscourseCue) -> None:
    assert cues(text, language)[CUES.index(cue)]
    assert not cues("Ok", "xx")[CUES.index(cue)]
