"""Names that were spoken in a meeting, and for whom they are suggested."""

from __future__ import annotations

from schema.core.units import samples_of_s
from schema.meetings.tables import Segment
from schema.speakers.people import People
from schema.speakers.suggestions import suggested_names
from schema.speakers.tables import Person


def people(*names: str | None) -> People:
    return People({number: Person(number=number, name=name) for number, name in enumerate(names, 1)})


def said(*lines: tuple[int, str]) -> list[Segment]:
    """Segments of three seconds, one after another, each by a person."""
    return [
        Segment(
            id=at + 1,
            person=person,
            text=text,
            first_sample=samples_of_s(3 * at),
            end_sample=samples_of_s(3 * at + 3),
        )
        for at, (person, text) in enumerate(lines)
    ]


def names(known: People, lines: list[Segment], *participants: str) -> dict[int, str]:
    return {each.number: each.name for each in suggested_names(known, lines, participants)}


def test_who_introduces_himself_is_suggested_with_the_sentence() -> None:
    (only,) = suggested_names(people(None, None), said((1, "Good morning, I'm Tom."), (2, "Hello.")), ())
    assert (only.number, only.name) == (1, "Tom")
    assert [(each.kind, each.segment.text) for each in only.evidence] == [("introduced", "Good morning, I'm Tom.")]


def test_introductions_in_other_languages_count() -> None:
    lines = said((1, "Mein Name ist Jana."), (2, "Bonjour, je m'appelle Luc."), (3, "Hola, me llamo Inés."))
    assert names(people(None, None, None), lines) == {1: "Jana", 2: "Luc", 3: "Inés"}


def test_who_is_called_is_the_next_and_who_is_thanked_the_last() -> None:
    lines = said(
        (1, "Priya, will you review it?"), (2, "Yes, I will."), (1, "Thanks, Priya."), (3, "What about Monday?")
    )
    assert names(people(None, None, None), lines) == {2: "Priya"}


def test_one_call_is_enough_for_a_participant_whose_whole_name_is_suggested() -> None:
    lines = said((1, "Priya, will you review it?"), (2, "Yes, I will."))
    assert names(people(None, None), lines) == {}
    assert names(people(None, None), lines, "Priya Sharma", "Tom Weber") == {2: "Priya Sharma"}


def test_a_name_that_speaks_for_two_people_is_not_suggested() -> None:
    lines = said((1, "I'm Tom."), (2, "I'm Tom."))
    assert names(people(None, None), lines) == {}


def test_named_people_and_their_names_are_left_alone() -> None:
    lines = said((1, "I'm Tom."), (2, "I'm Maya."))
    assert names(people("Thomas", None), lines) == {2: "Maya"}
    assert names(people(None, "Tom"), lines) == {}


def test_feelings_days_and_greetings_are_no_names() -> None:
    lines = said((1, "I'm sorry. I'm Okay with that."), (2, "Thanks, Everyone."), (1, "Monday, we launch. Right?"))
    assert names(people(None, None), lines) == {}
