"""Clauses: where sentences may be cut, and how chosen ones are joined."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from schema.core.errors import BrokenModel
from schema.minutes.ledger import ItemKind
from tests.workers.summarize.conftest import meeting
from workers.models.cache import verify_sums
from workers.summarize.detection.clause_chooser import (
    FOLDER,
    WORDS_LIMIT,
    ClauseChooser,
    WeighedClause,
    best_clauses,
    says_enough,
)
from workers.summarize.detection.clauses import Clause, clauses_of, joined
from workers.summarize.detection.detector import Detector, FoundItem
from workers.summarize.detection.network import MISLEADS
from workers.summarize.text.segment import SpokenSegment


def cut(text: str) -> list[Clause]:
    return clauses_of(meeting(f"Ann: {text}"), [0])


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("We buy the new oven and Tom asks the dealer.", ["We buy the new oven", "and Tom asks the dealer."]),
        (
            "The rent is eight hundred euros: we take the room.",
            ["The rent is eight hundred euros", "we take the room."],
        ),
        (
            "Wir nehmen den neuen Vertrag, weil er günstiger ist.",
            ["Wir nehmen den neuen Vertrag", "weil er günstiger ist."],
        ),
        ("Rice, chicken, beans and salad.", ["Rice, chicken, beans and salad."]),
        ("Il y a du carrelage dans la chambre.", ["Il y a du carrelage dans la chambre."]),
    ],
)
def test_a_sentence_is_cut_where_both_parts_say_something(text: str, clauses: list[str]) -> None:
    assert [each.text for each in cut(text)] == clauses


@pytest.mark.parametrize(
    "text",
    [
        "We store the bikes there, provided that the container is dry.",
        "We take the large room, but only if the rent falls.",
        "If the container is dry, we store the bikes there.",
        "Wir kaufen den neuen Ofen, sofern die Bank zustimmt.",
        "On achète le nouveau four, sauf si la banque refuse.",
        "Compramos el horno nuevo, siempre que el banco acepte.",
    ],
)
def test_a_condition_is_never_cut_off(text: str) -> None:
    assert [each.text for each in cut(text)] == [text]


def test_neighbours_are_joined_as_they_were_said_and_others_by_a_comma() -> None:
    clauses = cut("We buy the new oven, Tom asks the dealer today, and Ann pays the first half.")
    assert [each.text for each in clauses] == [
        "We buy the new oven", "Tom asks the dealer today", "and Ann pays the first half.",
    ]  # fmt: skip
    assert joined(clauses, "en") == "We buy the new oven, Tom asks the dealer today, and Ann pays the first half."
    assert joined([clauses[0], clauses[2]], "en") == "We buy the new oven, and Ann pays the first half."


def test_english_lead_ins_and_hesitations_are_left_out() -> None:
    assert joined(cut("Okay, so um we buy the new oven"), "en") == "We buy the new oven."


def weighed(said: str, *weights: tuple[float, float]) -> list[WeighedClause]:
    return [WeighedClause(clause, *weight) for clause, weight in zip(cut(said), weights, strict=True)]


def test_the_clauses_that_say_most_are_chosen_in_their_order() -> None:
    found = weighed("Well there you go. We buy the oven. Tom asks the dealer.", (0.02, 0), (0.4, 0), (0.5, 0))
    assert [each.clause.text for each in best_clauses(found, ItemKind.DECISION, "en")] == [
        "We buy the oven.", "Tom asks the dealer.",
    ]  # fmt: skip


def test_what_repeats_a_chosen_clause_is_left_out() -> None:
    found = weighed("We buy the oven. We buy the oven.", (0.5, 0), (0.5, 0))
    assert len(best_clauses(found, ItemKind.DECISION, "en")) == 1


def test_the_best_clause_stays_however_long_it_is() -> None:
    long = " ".join(f"word{at}" for at in range(2 * WORDS_LIMIT))
    [only] = best_clauses(weighed(f"{long}.", (0.1, 0)), ItemKind.POINT, "en")
    assert only.clause.text == f"{long}."
    assert not says_enough([only], ItemKind.POINT)


PEOPLE = ["Paul", "Nora", "Uwe", "Luis"]


def test_what_was_turned_down_says_nothing_of_a_task(chooser: ClauseChooser, detector: Detector) -> None:
    said = meeting("Paul: I'll order the printing for it, shall I?", "Nora: No, don't, we will only change it again.")
    item, reading = FoundItem(ItemKind.ACTION, 0, (0,), 0.9), detector.read(said, PEOPLE)
    false = reading.probabilities.copy()
    false[0, MISLEADS] = 0.9
    assert chooser.weigh(item, reading, said, "en")[0].worth > 0
    assert {each.worth for each in chooser.weigh(item, replace(reading, probabilities=false), said, "en")} == {0.0}


def test_lines_without_words_have_no_clauses(chooser: ClauseChooser, detector: Detector) -> None:
    silent = [SpokenSegment(1, "Ann", 0, 1, " ")]
    assert chooser.weigh(FoundItem(ItemKind.ACTION, 0, (0,), 0.9), detector.read(silent, []), silent, "en") == []
    assert best_clauses([], ItemKind.ACTION, "en") == []


def test_the_included_weights_are_whole_and_damaged_ones_are_refused(tmp_path: Path) -> None:
    verify_sums(FOLDER, "")
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"nothing")
    with pytest.raises(BrokenModel, match="cannot be loaded"):
        ClauseChooser.load(tmp_path)
