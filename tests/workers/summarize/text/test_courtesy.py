"""Courtesies: sentences of which minutes keep nothing."""

from __future__ import annotations

import pytest

from workers.summarize.text.courtesy import is_courtesy


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "Good morning everyone."),
        ("en", "Thanks for joining."),
        ("en", "Third point."),
        ("en", "Hello, Kwabena."),
        ("en", "Anything else?"),
        ("de", "Guten Morgen zusammen."),
        ("de", "Danke, Sepp."),
        ("de", "Dritter Punkt."),
        ("fr", "Bonjour à tous."),
        ("fr", "Dernière chose."),
        ("es", "Buenos días a todos."),
        ("es", "Gracias por venir."),
    ],
)
def test_a_courtesy_is_known(language: str, said: str) -> None:
    assert is_courtesy(said, language)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("en", "The third point is the boiler."),
        ("en", "Morning shift moves to Monday."),
        ("en", "Thanks to the bank we lost it."),
        ("en", "Next Monday."),
        ("en", "Hi Tom, ring Anna."),
        ("de", "Morgen früh."),
        ("de", "Morgen kommt Jan."),
        ("fr", "Bonjour Marie a dit non."),
        ("es", "Gracias a la subvención tenemos dinero."),
        ("nl", "Goedemorgen allemaal."),
    ],
)
def test_what_says_something_is_none(language: str, said: str) -> None:
    assert not is_courtesy(said, language)
