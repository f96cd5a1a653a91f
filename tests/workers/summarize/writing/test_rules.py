"""Notes by rules: what was said, without what means nothing."""

from __future__ import annotations

import pytest

from schema.minutes.ledger import ItemKind
from tests.workers.summarize.conftest import meeting, texts
from workers.summarize.notes import note_of
from workers.summarize.writing.rules import RulesWriter


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("No one in the north wing has a key.", "No one in the north wing has a key."),
        ("No problem was found in the north wing.", "No problem was found in the north wing."),
        ("Perhaps the boiler in the north wing is broken.", "Perhaps the boiler in the north wing is broken."),
        (
            "Good results came from the boiler in the north wing.",
            "Good results came from the boiler in the north wing.",
        ),
        ("No, the caretaker has a key for the north wing.", "The caretaker has a key for the north wing."),
        ("Okay, good, so the boiler in the north wing is broken.", "The boiler in the north wing is broken."),
    ],
)
def test_a_meaningless_lead_in_is_left_out_and_a_meaningful_one_kept(said: str, expected: str) -> None:
    note = note_of(meeting(f"Otto: {said}"), RulesWriter(), language="en")
    assert texts(note, ItemKind.POINT) == [expected]
