from __future__ import annotations

import pytest

from workers.summarize.text.numbers import numbers
from workers.summarize.text.sentences import split_sentences
from workers.summarize.text.words import is_english, names, stem


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("five hundred euros", {"500"}),
        ("1,200 boxes or 3.5 tons", {"1200", "3.5"}),
        ("the ninth of May", {"9"}),
        ("the 9th of May", {"9"}),
        ("twenty-three, two four", {"23", "2", "4"}),
        ("two hundred and one of them", {"200"}),
        ("one of them, second point", set()),
        ("at 10:30", {"10:30"}),
    ],
)
def test_numbers_are_normalised(text: str, expected: set[str]) -> None:
    assert numbers(text) == expected


@pytest.mark.parametrize(
    ("one", "other"), [("reviews", "reviewed"), ("moves", "moving"), ("parsers", "parser"), ("Tom's", "tom")]
)
def test_forms_of_a_word_share_a_stem(one: str, other: str) -> None:
    assert stem(one) == stem(other)


def test_the_first_word_of_a_sentence_is_not_a_name() -> None:
    assert names("Good, I asked Priya on Monday.") == {"priya", "monday"}


def test_an_abbreviation_does_not_end_a_sentence() -> None:
    assert split_sentences("Dr. Who came. No. 5 lives! Right?  这是。好") == [
        "Dr. Who came.",
        "No. 5 lives!",
        "Right?",
        "这是。",
        "好",
    ]


def test_english_is_distinguished_from_german() -> None:
    assert is_english("So we have to move the launch to Monday and call the customers.")
    assert not is_english("Wir verschieben den Start auf Montag und rufen danach alle Kunden an.")
