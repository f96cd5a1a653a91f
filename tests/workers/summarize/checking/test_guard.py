"""Text of a model is used only if it says what was said."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

import pytest

from tests.workers.summarize.conftest import meeting
from workers.summarize.checking.guard import keeps_meaning, keeps_negation
from workers.summarize.writing.notes import write_note
from workers.summarize.writing.prompts import REWRITE, TITLE

SEGMENTS = meeting(
    "Vera: Um, the boiler in the north wing, you know, lost pressure twice during the night.",
    "Otto: The caretaker does not have a key for the north wing.",
    "Vera: I have asked the plumber for an offer for a new boiler.",
    "Otto: The plumber will measure the pressure of the boiler in the north wing again.",
)
STATEMENTS = {
    "The boiler in the north wing, lost pressure twice during the night.",
    "The caretaker does not have a key for the north wing.",
    "Vera: I have asked the plumber for an offer for a new boiler.",
    "The plumber will measure the pressure of the boiler in the north wing again.",
}


class FixedGenerator:
    """A generator that always writes the same line. `continues` as for a decoder-only model."""

    continues = True
    asked = None
    adapter = None

    def __init__(self, line: str) -> None:
        self.line = line

    def bare(self) -> AbstractContextManager[None]:
        return nullcontext()

    def generate(
        self,
        prompts: Sequence[str],
        max_new_tokens: int,
        *,
        prefix: str = "",
        stop: Sequence[str] = ("\n",),
        only: str = "",
        lines_once: bool = False,
    ) -> list[str]:
        return [self.line] * len(prompts)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "   \n ",
        "...",
        "<think>The user wants a sentence.</think> The boiler lost pressure.",
        "<start_of_turn>model The boiler lost pressure.",
        "Minutes: The boiler lost pressure.",
        "Said by Vera: the boiler lost pressure.",
        "**The boiler** lost pressure.",
        "Here is the sentence. The boiler lost pressure.",
        "As an AI language model, the boiler lost pressure.",
        "The supplier raised the price of the screws by ten percent.",
        "The boiler the boiler the boiler the boiler the boiler the boiler.",
        "The boiler in the north wing lost pressure three times during the night.",
        "Otto lost pressure twice during the night.",
        "The boiler lost pressure and",
        "The caretaker has a key for the north wing.",
        "The plumber measured the pressure of the boiler.",
        "The boiler should lose pressure.",
        "http://example.org/boiler.",
        "1. The boiler lost pressure.",
        "Otto said that the caretaker does not have a key for the north wing.",
        "Otto does not have a key for the north wing.",
    ],
)
def test_text_that_was_not_said_gets_into_no_note(line: str) -> None:
    note = write_note(SEGMENTS, FixedGenerator(line), language="en")
    assert {sentence.text for sentence in note.sentences} <= STATEMENTS
    assert note.sentences
    assert all(sentence.supported for sentence in note.sentences)
    assert note.title == "Boiler, north, wing"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("Last night, 11 of the 40 payment tests failed.", "The 40 payment tests failed."),
        ("Last night, eleven of the forty payment tests failed.", "The payment tests failed."),
        ("Some of the pumps in the cellar leak.", "The pumps in the cellar leak."),
        ("The repair costs more than the new boiler.", "The repair costs the new boiler."),
        ("The boiler in the north wing might lose pressure.", "The boiler in the north wing lose pressure."),
        ("The fix is small, maybe half a day.", "The fix is small, half a day."),
    ],
)
def test_a_sentence_without_its_quantity_or_doubt_is_refused(said: str, line: str) -> None:
    note = write_note(meeting(f"Otto: {said}"), FixedGenerator(line), language="en")
    assert [sentence.text for sentence in note.sentences] == [said]


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
    note = write_note(meeting(f"Otto: {said}"), None, language="en")
    assert [sentence.text for sentence in note.sentences] == [expected]


def test_a_shorter_sentence_with_the_same_meaning_is_used() -> None:
    note = write_note(
        SEGMENTS, FixedGenerator("The boiler in the north wing lost pressure twice during the night."), language="en"
    )
    assert "The boiler in the north wing lost pressure twice during the night." in {s.text for s in note.sentences}


@pytest.mark.parametrize("speaker", ["Otto", "Otto Lang", "Channel 4", "Speaker Two"])
def test_the_speaker_may_stand_for_i_whatever_the_label(speaker: str) -> None:
    said = "Well I have told the plumber about the boiler in the north wing."
    line = f"{speaker} told the plumber about the boiler in the north wing."
    assert keeps_meaning(line, said, speaker)
    assert not keeps_meaning(line.replace("the plumber", "4 plumbers"), said, speaker)


def test_a_title_must_be_about_the_window() -> None:
    assert write_note(SEGMENTS, FixedGenerator("New boiler"), language="en").title == "New boiler"
    assert write_note(SEGMENTS, FixedGenerator("Price of screws"), language="en").title != "Price of screws"


def test_sentences_copied_from_the_prompts_examples_are_refused() -> None:
    for prompt in (REWRITE, TITLE):
        note = write_note(SEGMENTS, FixedGenerator(prompt.strip().splitlines()[-1]), language="en")
        assert {sentence.text for sentence in note.sentences} <= STATEMENTS


SAID = (
    "Well, the caretaker does not have a key for the north wing, so Otto waits outside.",
    "I'm not sure.",
    "We could take the blue cable.",
)


@pytest.mark.parametrize(
    "text",
    [
        "The caretaker has no key for the north wing.",
        "Otto waits outside the north wing.",
        "They could take the blue cable.",
        "They are sure of the blue cable.",
    ],
)
def test_sentences_with_the_polarity_of_what_was_said_pass(text: str) -> None:
    assert keeps_negation(text, SAID)


def test_stating_what_was_denied_is_refused() -> None:
    assert not keeps_negation("The caretaker has a key for the north wing.", SAID)


def test_stating_what_was_both_denied_and_asserted_passes() -> None:
    assert keeps_negation("The caretaker has a key for the north wing.", (*SAID, "Now he has a north wing key."))


def test_denying_what_was_not_denied_is_refused() -> None:
    assert not keeps_negation("They will not take the blue cable.", SAID[2:])
