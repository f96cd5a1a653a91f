"""Titles without a model: the nouns that a text is about, and nothing where no noun tells."""

from __future__ import annotations

import pytest

from workers.summarize.text.topics import topic


@pytest.mark.parametrize(
    ("language", "said", "title"),
    [
        ("en", ["The 9th test suite failed.", "Then we run the test suite again."], "Test suite"),
        ("en", ["I like the oat milk.", "Sam wants a bigger kettle.", "The oat milk is sour."], "Oat milk and kettle"),
        ("en", ["On the Samsung phone it is slow.", "That Samsung is old."], "Samsung"),
        (
            "de",
            ["Die Regatta ist im Juni, die Koppel ist nass.", "Für die Regatta fehlt die Koppel."],
            "Regatta und Koppel",
        ),
        ("fr", ["Le four est en panne.", "Il faut un four neuf, je le mets là."], "Four"),
        ("es", ["El expositor tapa la persiana.", "¿Y el expositor?", "Y la persiana."], "Expositor y persiana"),
        ("it", ["Il forno è rotto, il forno costa troppo."], "Forno, rotto, costa"),
    ],
)
def test_nouns_that_are_said_often_name_the_topic(language: str, said: list[str], title: str) -> None:
    assert topic(said, language) == title


def test_a_meeting_that_is_marked_with_another_language_is_named_in_its_own() -> None:
    assert topic(["Die Tests für die besten Kunden laufen.", "Der Test hilft den Kunden."], "en") == "Tests und Kunden"


@pytest.mark.parametrize("said", [[], ["Hm."], ["Yeah. Okay. The. A."], ["Ha ha ha!"] * 40, ["the 12 of the 14"]])
def test_where_no_noun_tells_there_is_no_title(said: list[str]) -> None:
    assert topic(said, "en") == ""


def test_people_days_and_months_are_no_topic() -> None:
    said = ["The Ben of Friday, the March, the boiler.", "Ask the Ben about the boiler on the Friday in the March."]
    assert topic(said, "en", {"Ben Miller"}) == "Boiler"
