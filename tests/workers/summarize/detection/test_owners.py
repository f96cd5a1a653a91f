"""Owners of tasks: who promises, who is asked, and whose tasks stand together in one item."""

from __future__ import annotations

import pytest

from schema.minutes.ledger import ItemKind
from tests.workers.summarize.conftest import meeting
from workers.summarize.detection.clause_chooser import ClauseChooser, WeighedClause
from workers.summarize.detection.clauses import clauses_of
from workers.summarize.detection.detector import Detector, FoundItem
from workers.summarize.detection.owners import as_task, is_addressed, is_subject, owner_of, tasks_of
from workers.summarize.text.segment import SpokenSegment

PEOPLE = ["Paul", "Nora", "Uwe", "Luis"]
SAID = meeting("Ann: Tom, can you sell the old one?", "Tom: I'll do it.")


def test_who_promises_is_the_owner() -> None:
    [asks], [promises] = clauses_of(SAID, [0]), clauses_of(SAID, [1])
    assert owner_of([WeighedClause(asks, 0.1, 0.1), WeighedClause(promises, 0.5, 0.9)], SAID, ["Ann", "Tom"]) == "Tom"


def test_who_is_addressed_is_the_owner_although_another_speaks() -> None:
    [asks] = clauses_of(SAID, [0])
    assert owner_of([WeighedClause(asks, 0.5, 0.1)], SAID, ["Ann", "Tom"]) == "Tom"
    assert owner_of([WeighedClause(asks, 0.5, 0.9)], SAID, ["Ann", "Tom"]) == "Ann"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Tom, can you?", True),
        ("Can you, Tom?", True),
        ("Tom will ask the bank.", True),
        ("Tom fragt die Bank.", True),
        ("I ask Tom about it.", False),
        ("Tom Miller asks.", False),
    ],
)
def test_a_name_that_stands_apart_or_begins_the_clause_is_meant(text: str, meant: bool) -> None:
    assert (is_addressed("Tom", text) or is_subject("Tom", text)) is meant


def owner(chooser: ClauseChooser, detector: Detector, window: list[SpokenSegment], language: str = "en") -> str | None:
    """Who does what all lines of *window* say."""
    task = FoundItem(ItemKind.ACTION, 0, tuple(range(len(window))), 0.9)
    return owner_of(chooser.weigh(task, detector.read(window, PEOPLE), window, language), window, PEOPLE)


@pytest.mark.parametrize(
    ("lines", "name", "language"),
    [
        (["Nora: Paul, could you ring them?", "Paul: Sure."], "Paul", "en"),
        (["Nora: I can look at that tonight."], "Nora", "en"),
        (["Nora: I'll ask Paul about the fence tonight."], "Nora", "en"),
        (["Jana: Uwe, rufst du an?", "Uwe: Mach ich."], "Uwe", "de"),
    ],
)
def test_the_owner_is_who_is_asked_or_who_promises(
    chooser: ClauseChooser, detector: Detector, lines: list[str], name: str, language: str
) -> None:
    assert owner(chooser, detector, meeting(*lines), language) == name


def test_without_speakers_and_names_nobody_owns_a_task(chooser: ClauseChooser, detector: Detector) -> None:
    said = [SpokenSegment(1, None, 0, 1, "I can look at that tonight.")]
    item = FoundItem(ItemKind.ACTION, 0, (0,), 0.9)
    assert owner_of(chooser.weigh(item, detector.read(said, []), said, "en"), said, []) is None


def test_a_silent_item_has_no_owner() -> None:
    assert owner_of([], SAID, ["Ann"]) is None


def told(
    lines: list[str], owner: str, language: str = "en", *, owned: float = 0.5, worth: float = 0.2
) -> list[tuple[str | None, list[str]]]:
    """The tasks of an item that consists of *lines*, each of which is one clause."""
    window = meeting(*lines)
    chosen = [WeighedClause(each, worth, owned) for each in clauses_of(window, range(len(lines)))]
    return [(who, [each.clause.text for each in mine]) for who, mine in tasks_of(chosen, owner, window, language)]


@pytest.mark.parametrize(
    "promise", ["I'll tell the printer.", "And I will tell the printer.", "I can tell the printer."]
)
def test_what_another_speaker_promises_is_a_task_of_his_own(promise: str) -> None:
    assert told(["Ann: Speak to the framer.", f"Tom: {promise}"], "Ann") == [
        ("Ann", ["Speak to the framer."]),
        ("Tom", [promise]),
    ]


@pytest.mark.parametrize("other", ["I can only say no.", "I told the printer.", "Tell the printer."])
def test_what_another_speaker_does_not_promise_stays_in_the_item(other: str) -> None:
    assert told(["Ann: Speak to the framer.", f"Tom: {other}"], "Ann") == [("Ann", ["Speak to the framer.", other])]


def test_in_other_languages_the_network_tells_whether_somebody_commits_himself() -> None:
    lines = ["Ann: Frag den Rahmenbauer.", "Tom: Ich rufe die Druckerei an."]
    assert told(lines, "Ann", "de") == [("Ann", ["Frag den Rahmenbauer."]), ("Tom", ["Ich rufe die Druckerei an."])]
    assert len(told(lines, "Ann", "de", owned=0.1)) == 1


def test_what_says_too_little_is_no_task() -> None:
    assert len(told(["Ann: Speak to the framer.", "Tom: I'll do it."], "Ann", worth=0.04)) == 1
    assert told(["Ann: Speak to him.", "Tom: I'll do it."], "Ann", worth=0.1) == [("Tom", ["I'll do it."])]


def test_a_promise_is_written_as_a_task() -> None:
    assert as_task("I'll ring the priest. I'm going to wait.") == "Ring the priest. Wait."
    assert as_task("I can wait.") == "I can wait."
