"""When something is due, in the words of the meeting."""

from __future__ import annotations

import pytest

from workers.summarize.text.due import days, find_due


@pytest.mark.parametrize(
    ("language", "said", "due"),
    [
        ("en", "I will call them by Friday noon.", "Friday noon"),
        ("de", "Ich schicke dir das bis Freitag, spätestens.", "Freitag"),
        ("de", "Am Montag war ich krank, ich mache es bis Donnerstagmittag.", "Donnerstagmittag"),
        ("de", "Das muss bis Ende des Monats fertig sein.", "Ende des Monats"),
        ("de", "Übermorgen rufe ich an.", "Übermorgen"),
        ("de", "Wir treffen uns am 3. März um zehn Uhr.", "3. März um zehn Uhr"),
        ("de", "Vor Freitag geht es nicht.", "Vor Freitag"),
        ("de", "Ich mache es nächste Woche.", "nächste Woche"),
        ("fr", "Je te l'envoie d'ici vendredi.", "vendredi"),
        ("fr", "On se voit le 3 mars à dix heures.", "le 3 mars à dix heures"),
        ("fr", "Il faut finir avant la fin du mois.", "avant la fin du mois"),
        ("fr", "Je le fais cet après-midi.", "cet après-midi"),
        ("es", "Lo mando el martes que viene.", "el martes que viene"),
        ("es", "Tiene que estar para fin de mes.", "fin de mes"),
        ("es", "Pasado mañana llamo al banco.", "Pasado mañana"),
    ],
)
def test_a_due_time_is_found_as_it_was_said(language: str, said: str, due: str) -> None:
    assert find_due(said, language) == due


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", "Guten Morgen, das kostet 3.5 Prozent."),
        ("de", "Am ersten Tag war alles gut."),
        ("de", "Am Morgen ist es kalt."),
        ("fr", "Le premier point est la cantine."),
        ("fr", "Il y a un problème avec le four."),
        ("es", "El uno por ciento llegó por la mañana."),
        ("es", "La persiana no cierra."),
        ("it", "Lo faccio venerdì."),
    ],
)
def test_what_names_no_time_is_none(language: str, said: str) -> None:
    assert find_due(said, language) is None


def test_days_are_told_apart_in_every_language_with_a_calendar() -> None:
    assert days("Freitagabend oder im März", "de") == {"freitag", "märz"}
    assert days("mardi ou demain", "fr") == {"mardi", "demain"}
    assert days("el miércoles de mayo", "es") == {"miércoles", "mayo"}
    assert days("He may come in May on Monday") == {"may", "monday"}
