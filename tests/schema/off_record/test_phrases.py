"""Phrases that go off the record and back, in four languages."""

from __future__ import annotations

import pytest

from schema.off_record.phrases import HINTS, announcements

OFF = (
    "Off the record, he resigns.",
    "This is not for the minutes.",
    "Please don't put that in the minutes.",
    "Let's keep it out of the minutes.",
    "Das ist jetzt nicht fürs Protokoll.",
    "Das kommt bitte nicht ins Protokoll.",
    "Außerhalb des Protokolls: er kündigt.",
    "Hors procès-verbal, il démissionne.",
    "Ce n'est pas pour le compte rendu.",
    "C'est hors PV.",
    "Que no conste en acta, pero dimite.",
    "Esto va fuera de acta.",
)
ON = (
    "Okay, back on the record.",
    "We are on the record again.",
    "So, wieder fürs Protokoll:",
    "Zurück zum Protokoll.",
    "On revient au procès-verbal.",
    "De nouveau pour le compte rendu.",
    "Volvemos al acta.",
    "Que vuelva a constar en acta.",
)
NEITHER = (
    "We set a record this month.",
    "The minutes of the last meeting are approved.",
    "Das Protokoll ist fertig.",
    "Le procès-verbal est adopté.",
    "El acta está aprobada.",
    "For the record, I agree.",
)


@pytest.mark.parametrize(("text", "back"), [*((text, False) for text in OFF), *((text, True) for text in ON)])
def test_a_phrase_goes_off_the_record_or_back(text: str, back: bool) -> None:
    assert [each.back for each in announcements(text)] == [back]
    assert any(hint in text.lower() for hint in HINTS)


@pytest.mark.parametrize("text", NEITHER)
def test_a_word_of_a_phrase_is_no_phrase(text: str) -> None:
    assert list(announcements(text)) == []


def test_a_passage_begins_with_the_sentence_and_ends_with_the_phrase() -> None:
    text = "It costs five. The boss resigns, off the record. Sad. Back on the record, we go on."
    off, on = announcements(text)
    assert (text[: off.at], text[on.at :]) == ("It costs five.", " we go on.")
